import { describe, expect, setDefaultTimeout, test } from "bun:test"
import type { ServerResponse } from "node:http"
import { brotliCompressSync, deflateRawSync, gzipSync } from "node:zlib"
import { Either } from "effect"
import { callModel } from "../../support/model-call.ts"
import { pour, startWireServer } from "../../support/wire-server.ts"

setDefaultTimeout(60_000)

const MiB = 1 << 20
const limits = { connectMs: 5000, silenceMs: 5000, totalMs: 40_000 }

/** Calls a server that answers in this way; gives the error and how many bytes the server could send. */
const flooded = async (
  send: (response: ServerResponse) => Promise<number>,
  settings: { readonly stream?: boolean } = {},
) => {
  const sent = Promise.withResolvers<number>()
  await using server = await startWireServer(async ({ response }) => sent.resolve(await send(response)))
  const { result, events } = await callModel(server.url, { deadlines: limits, ...settings })
  return {
    error: Either.isLeft(result) ? result.left : undefined,
    sentBytes: await sent.promise,
    event: events[0],
  }
}

const head = (response: ServerResponse, headers: Record<string, string> = {}, status = 200) =>
  response.writeHead(status, { "content-type": "application/json", ...headers })

describe("an answer without end is an error, and its connection is ended", () => {
  const endless = 512 * MiB
  test.each<[string, (response: ServerResponse) => Promise<number>]>([
    [
      "of letters",
      (response) => {
        head(response).write('{"choices": [{"message": {"content": "')
        return pour(response, Buffer.alloc(64 * 1024, "a"), endless)
      },
    ],
    ["of blanks", (response) => pour(head(response), Buffer.alloc(64 * 1024, " "), endless)],
    [
      "with its length told",
      (response) =>
        pour(head(response, { "content-length": String(endless) }), Buffer.alloc(64 * 1024, "["), endless),
    ],
    [
      "in one line of a stream",
      (response) => {
        head(response, { "content-type": "text/event-stream" }).write("data: ")
        return pour(response, Buffer.alloc(64 * 1024, "a"), endless)
      },
    ],
    [
      "in one event of a stream",
      (response) => pour(head(response), Buffer.from(`data: ${"a".repeat(1000)}\n`.repeat(64)), endless),
    ],
    [
      "in pieces of a stream",
      (response) => {
        const piece = `data: ${JSON.stringify({ choices: [{ delta: { content: "a".repeat(5000) } }] })}\n\n`
        return pour(head(response), Buffer.from(piece.repeat(12)), endless)
      },
    ],
    [
      "of thinking in a stream",
      (response) => {
        const piece = `data: ${JSON.stringify({ choices: [{ delta: { reasoning_content: "a".repeat(5000) } }] })}\n\n`
        return pour(head(response), Buffer.from(piece.repeat(12)), endless)
      },
    ],
    [
      "of comments in a stream",
      (response) => pour(head(response), Buffer.from(": wait\n\n".repeat(8192)), endless),
    ],
  ])("%s", async (_name, send) => {
    const { error, sentBytes, event } = await flooded(send)
    expect(error).toMatchObject({ reason: "Transient", mayBePaid: true })
    expect(error?.message).toMatch(/longer than|does not end/u)
    expect(sentBytes).toBeLessThan(endless / 2)
    // What may have been paid for counts.
    expect(event?.estimated_tokens).toBeGreaterThan(0)
  })
})

describe("what is small on the wire and large unpacked is not held", () => {
  const zeros = Buffer.alloc(100 * MiB)
  test.each<[string, string, Buffer]>([
    ["gzip", "gzip", gzipSync(zeros)],
    ["brotli", "br", brotliCompressSync(zeros)],
    ["gzip, twice", "gzip, gzip", gzipSync(gzipSync(zeros))],
    ["deflate alone", "deflate", deflateRawSync(zeros)],
    // Nothing comes out of the second, however much comes out of the first.
    ["nothing, many times", "gzip, gzip", gzipSync(Buffer.alloc(100 * MiB, gzipSync("")))],
  ])("%s", async (_name, encoding, bomb) => {
    const { error } = await flooded(async (response) => {
      head(response, { "content-encoding": encoding }).end(bomb)
      return bomb.length
    })
    expect(error?.message).toContain("longer than")
  })

  test("a body that is not what its encoding says is an error of the call", async () => {
    for (const encoding of ["gzip", "br", "zstd", "deflate", "gzip, gzip"]) {
      const { error } = await flooded(async (response) => {
        head(response, { "content-encoding": encoding }).end("{}")
        return 2
      })
      expect(error).toMatchObject({ reason: "Transient" })
    }
  })
})

describe("an error's body is read as far as it is of use", () => {
  test.each([400, 401, 429, 500])("%i", async (status) => {
    const { error, sentBytes } = await flooded((response) => {
      head(response, {}, status).write('{"error": {"message": "the key is wrong')
      return pour(response, Buffer.alloc(64 * 1024, " x"), 512 * MiB)
    })
    expect(error?.status).toBe(status)
    expect(error?.message.length).toBeLessThan(600)
    expect(error?.message).toContain("the key is wrong")
    expect(sentBytes).toBeLessThan(64 * MiB)
  })
})

test.each<[string, Record<string, string>]>([
  ["one of a million letters", { "x-long": "a".repeat(1 << 20) }],
  ["thousands", Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`x-${i}`, "value"]))],
])("headers beyond measure (%s) are an error of the call", async (_name, headers) => {
  const { error } = await flooded(async (response) => {
    head(response, headers).end("{}")
    return 2
  })
  expect(error).toMatchObject({ reason: "Transient" })
})

test.each<[string, string]>([
  ["a body", "[".repeat(100_000) + "]".repeat(100_000)],
  ["an unfinished body", '{"choices":'.repeat(100_000)],
  ["a choice", `{"choices": ${"[".repeat(100_000)}${"]".repeat(100_000)}}`],
  ["an error", `{"error": ${'{"error":'.repeat(100_000)}1${"}".repeat(100_001)}`],
  ["content", `{"choices": [{"message": {"content": ${"[".repeat(100_000)}${"]".repeat(100_000)}}}]}`],
])("%s that nests 100,000 deep is an error of the call", async (_name, text) => {
  for (const status of [200, 400]) {
    const { error } = await flooded(async (response) => {
      head(response, {}, status).end(text)
      return text.length
    })
    expect(error?._tag).toBe("ModelError")
  }
})

test("an answer in one piece may have 4 MiB, and not one byte more", async () => {
  const body = (bytes: number) => {
    const answer = { choices: [{ index: 0, finish_reason: "stop", message: { content: "{}" } }], pad: "" }
    return JSON.stringify({ ...answer, pad: "x".repeat(bytes - JSON.stringify(answer).length) })
  }
  const answered = async (bytes: number) => {
    await using server = await startWireServer(async ({ response }) => {
      head(response).end(body(bytes))
    })
    return (await callModel(server.url, { deadlines: limits })).result
  }
  expect(Either.isRight(await answered(4 * MiB))).toBe(true)
  const refused = await answered(4 * MiB + 1)
  expect(Either.isLeft(refused) && refused.left.message).toContain("longer than any real one")
})
