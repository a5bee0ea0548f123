import { describe, expect, test } from "bun:test"
import { brotliCompressSync, constants, createGzip, deflateRawSync, deflateSync, gzipSync } from "node:zlib"
import { beginningOf, textOf } from "../../../src/model/client/answer-body.ts"
import { UnknownEncoding } from "../../../src/model/client/content-encoding.ts"
import { AnswerTooLarge } from "../../../src/model/protocols/unusable.ts"

/** Reads a whole answer; counts how often other work gets its turn meanwhile. */
const readWhole = async (body: BodyInit, headers: Record<string, string> = {}) => {
  let turns = 0
  let isRead = false
  const otherWork = () => {
    if (isRead) return
    turns++
    setImmediate(otherWork)
  }
  setImmediate(otherWork)
  const pieces: Array<string> = []
  const nothing = () => undefined
  try {
    for await (const piece of textOf(new Response(body, { headers }), 8 << 20, nothing)) pieces.push(piece)
  } finally {
    isRead = true
  }
  return { text: pieces.join(""), turns }
}

/** A body that is there at once, in so many pieces of the same text. */
const inPieces = (count: number, piece: string): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start: (controller) => {
      for (let i = 0; i < count; i++) controller.enqueue(new TextEncoder().encode(piece))
      controller.close()
    },
  })

describe("an answer that is there at once", () => {
  test("lets other work have its turn after every 64 KiB", async () => {
    const { text, turns } = await readWhole("x".repeat(4 << 20))
    expect(text).toHaveLength(4 << 20)
    expect(turns).toBeGreaterThan(60)
  })

  test("does so by its bytes, into however many pieces it falls", async () => {
    const { text, turns } = await readWhole(inPieces(4096, "0123456789"))
    expect(text).toBe("0123456789".repeat(4096))
    expect(turns).toBeLessThan(64)
  })
})

const plain = [
  '{"a": 1}',
  "\uFEFF{}",
  '\n {"a": 1}',
  '[{"a": 1}]',
  '[\r\n  {"a": 1}]',
  'data: {"a": 1}\n\n',
  "event: message\ndata: {}\n\n",
  "id: 7\ndata: {}\n\n",
  "retry: 10\ndata: {}\n\n",
  ": keep-alive\n\ndata: {}\n\n",
  ":\n\ndata: {}\n\n",
  "\uFEFFdata: {}\n\n",
]

describe.each(["br", "deflate"])("an answer that is said to be encoded as %s", (encoding) => {
  test.each(plain)("and is not is read as it is: %j", async (body) => {
    const { text } = await readWhole(body, { "content-encoding": encoding })
    expect(text).toBe(body.replace("\uFEFF", ""))
  })

  test("and is, is decoded, whatever its length and its window", async () => {
    for (const length of [2, 8, 100, 247, 248, 5000, 70_000, 200_000]) {
      const body = `{"a": "${Array.from({ length }, (_, i) => (Math.imul(i, 2_654_435_761) >>> 8).toString(36)).join("")}"}`
      const packings =
        encoding === "br"
          ? [10, 16, 18, 22, 24].map((window) =>
              brotliCompressSync(body, {
                params: { [constants.BROTLI_PARAM_LGWIN]: window, [constants.BROTLI_PARAM_QUALITY]: 4 },
              }),
            )
          : [deflateSync(body), deflateRawSync(body), deflateRawSync(body, { level: 0 })]
      for (const packed of packings)
        expect((await readWhole(packed, { "content-encoding": encoding })).text).toBe(body)
    }
  })
})

test("an encoding that was not asked for is named by its beginning", async () => {
  const reading = readWhole("packed", { "content-encoding": "x".repeat(500) })
  await expect(reading).rejects.toThrow(new UnknownEncoding(`the answer is encoded as ${"x".repeat(40)}`))
})

describe.each(["utf-8", "none", "aws-chunked", "binary, UTF-8"])("an answer whose encoding is %s", (name) => {
  test.each(plain)("is read as it is: %j", async (body) => {
    const { text } = await readWhole(body, { "content-encoding": name })
    expect(text).toBe(body.replace("\uFEFF", ""))
  })

  test("is unpacked where it is packed as well", async () => {
    const { text } = await readWhole(gzipSync('{"a": 1}'), { "content-encoding": `${name}, gzip` })
    expect(text).toBe('{"a": 1}')
  })
})

test("four encodings are more than anybody has a reason for", async () => {
  const reading = readWhole("{}", { "content-encoding": "none, none, none, none" })
  await expect(reading).rejects.toThrow(
    new UnknownEncoding("the answer is encoded as none, none, none, none"),
  )
})

test.each([
  ["in one piece", (): BodyInit => "x".repeat(1000)],
  ["in pieces", () => inPieces(100, "0123456789")],
  ["of just this length and one byte more", () => "x".repeat(301)],
])("of an answer that is too long, %s, what is allowed of it is given before", async (_how, bodyOf) => {
  const given: Array<string> = []
  const reading = async () => {
    for await (const piece of textOf(new Response(bodyOf()), 300, () => undefined)) given.push(piece)
  }
  await expect(reading()).rejects.toThrow(AnswerTooLarge)
  expect(given.join("")).toHaveLength(300)
  expect(await beginningOf(new Response(bodyOf()), 300, () => undefined)).toHaveLength(300)
})

test("an answer that is too long is given up with the length that is allowed", async () => {
  const reading = Array.fromAsync(textOf(new Response("x".repeat((3 << 20) + 1)), 3 << 20, () => undefined))
  await expect(reading).rejects.toThrow(new AnswerTooLarge("the answer is longer than 3 MiB"))
})

test("whoever has read enough of an encoded answer does not wait for the rest of it", async () => {
  const gzip = createGzip()
  // The connection stays open, and nothing more comes.
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      gzip.on("data", (bytes: Uint8Array) => controller.enqueue(bytes))
      gzip.write("data: [DONE]\n\n")
      gzip.flush()
    },
  })
  const given: Array<string> = []
  const response = new Response(body, { headers: { "content-encoding": "gzip" } })
  for await (const piece of textOf(response, 1000, () => undefined)) {
    given.push(piece)
    if (given.join("").endsWith("\n\n")) break
  }
  expect(given.join("")).toBe("data: [DONE]\n\n")
})
