import { describe, expect, spyOn, test } from "bun:test"
import { getEventListeners } from "node:events"
import { mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { createServer, type Socket } from "node:net"
import { join } from "node:path"
import { Effect, Either } from "effect"
import OpenAI from "openai"
import { attempt, deadlinesOf } from "../../../src/model/client/attempt.ts"
import * as Client from "../../../src/model/client/client.ts"
import type { ServiceSettings } from "../../../src/model/client/settings.ts"
import { lazyBody } from "../../../src/model/protocols/chat/body.ts"
import { chat } from "../../../src/model/protocols/chat/chat.ts"
import { limitHints } from "../../../src/model/protocols/limit-hints.ts"
import { VisionModel } from "../../../src/model/VisionModel.ts"
import { sha256 } from "../../../src/plan/fingerprint.ts"
import { type Behaviour, completion, startChatServer, streamed } from "../../support/chat-server.ts"
import { temporaryFolder } from "../../support/folders.ts"
import { smallRequest } from "../../support/model-call.ts"

const plainly = (text: string): string => text

const quick = { connectMs: 300, silenceMs: 300, totalMs: 1500 }
const patient = { connectMs: 60_000, silenceMs: 60_000, totalMs: 60_000 }

const complete = (url: string, settings: Partial<ServiceSettings> = {}, changes: object = {}) =>
  Effect.flatMap(VisionModel, (model) => model.complete({ ...smallRequest, ...changes })).pipe(
    Effect.either,
    Effect.provide(
      Client.layer({
        apiBase: url,
        model: "loopback-vlm",
        temperature: 0.2,
        callRetries: 0,
        callRetryBackoffSec: 0,
        deadlines: quick,
        ...settings,
      }),
    ),
    Effect.runPromise,
  )

const against = async (behave: Behaviour, settings: Partial<ServiceSettings> = {}) => {
  await using server = startChatServer({ behave })
  return { result: await complete(server.url, settings), calls: server.calls }
}

/** A bare TCP server, for what an HTTP server would never do. */
const tcpServer = async (onConnection: (socket: Socket, number: number) => void) => {
  const sockets = new Set<Socket>()
  let count = 0
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on("error", () => undefined)
    onConnection(socket, ++count)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}/v1`,
    connections: () => count,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

const http = (body: string): string =>
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
const fine = JSON.stringify({ choices: [{ finish_reason: "stop", message: { content: "{}" } }] })

describe("deadlines", () => {
  test("are half a minute to begin, five minutes of silence and a quarter of an hour, and longer for what may wait", () => {
    const usual = { connectMs: 30_000, silenceMs: 300_000, totalMs: 900_000 }
    expect([undefined, "default", "priority"].map(deadlinesOf)).toEqual([usual, usual, usual])
    expect(deadlinesOf("flex")).toEqual({ connectMs: 30_000, silenceMs: 1_200_000, totalMs: 1_800_000 })
  })

  test("a service that never answers is given up on", async () => {
    const { result } = await against(() => new Promise<string>(() => undefined))
    expect(Either.isLeft(result) && result.left).toMatchObject({ reason: "Transient", mayBePaid: true })
    expect(Either.isLeft(result) && result.left.message).toContain("was silent")
  })

  test("a body that stalls halfway likewise", async () => {
    const { result } = await against(
      () =>
        new Response(
          new ReadableStream({
            start: (controller) => controller.enqueue(new TextEncoder().encode('{"choices": [')),
          }),
          { headers: { "content-type": "application/json" } },
        ),
    )
    expect(Either.isLeft(result) && result.left.message).toContain("was silent")
  })

  test("a stream that trickles on for ever ends at the deadline for all of it", async () => {
    const { result } = await against(
      () =>
        new Response(
          new ReadableStream({
            pull: async (controller) => {
              await Bun.sleep(50)
              controller.enqueue(
                new TextEncoder().encode('data: {"choices": [{"delta": {"content": "x"}}]}\n\n'),
              )
            },
          }),
          { headers: { "content-type": "text/event-stream" } },
        ),
      // A busy machine may be late with a piece.
      { stream: true, deadlines: { connectMs: 60_000, silenceMs: 60_000, totalMs: 500 } },
    )
    expect(Either.isLeft(result) && result.left.message).toContain(
      "the service did not finish its answer within 0.5 s",
    )
  })
})

test("an answer that is blank without an end is given up after 4 MiB", async () => {
  const blank = new TextEncoder().encode(" \n".repeat(1 << 18))
  const { result } = await against(
    () => new Response(new ReadableStream({ pull: (controller) => controller.enqueue(blank) })),
    { deadlines: patient },
  )
  expect(Either.isLeft(result) && result.left).toMatchObject({ reason: "Transient" })
  expect(Either.isLeft(result) && result.left.message).toContain("longer than any real one")
})

describe("broken connections", () => {
  test("a reset before the answer is repeated on a new connection", async () => {
    await using server = await tcpServer((socket, number) => {
      socket.once("data", () => (number === 1 ? socket.resetAndDestroy() : socket.end(http(fine))))
    })
    const result = await complete(server.url, { callRetries: 1 })
    expect(Either.isRight(result) && result.right).toMatchObject({ text: "{}", transportAttempts: 2 })
  })

  test("a kept-alive connection that the service has closed is repeated on a new one", async () => {
    await using server = await tcpServer((socket, number) => {
      let answered = 0
      socket.on("data", () => {
        answered++
        if (number === 1 && answered === 2) socket.resetAndDestroy()
        else socket.write(http(fine))
      })
    })
    const first = await complete(server.url, { callRetries: 2 })
    const second = await complete(server.url, { callRetries: 2 })
    expect(Either.isRight(first) && Either.isRight(second)).toBe(true)
  })

  test("a reset in the middle of the answer likewise", async () => {
    await using server = await tcpServer((socket, number) => {
      socket.once("data", () => {
        if (number > 1) socket.end(http(fine))
        else socket.write(http(fine).slice(0, -10), () => setTimeout(() => socket.resetAndDestroy(), 20))
      })
    })
    const result = await complete(server.url, { callRetries: 1 })
    expect(Either.isRight(result) && result.right.transportAttempts).toBe(2)
  })
})

describe("whatever becomes of an attempt", () => {
  const client = (url: string) => new OpenAI({ apiKey: "none", baseURL: url, maxRetries: 0 })
  const way = { path: "/chat/completions", headers: {} }
  const options = {
    protocol: chat,
    search: "",
    deadlines: patient,
    signal: new AbortController().signal,
    redact: plainly,
    onPiece: () => undefined,
  }

  test("its connection is closed when it ends, also if the answer was not read", async () => {
    const closed = Promise.withResolvers<void>()
    await using server = await tcpServer((socket) => {
      socket.once("close", () => closed.resolve())
      const head = http("x".repeat(1000)).replace("\r\n", "\r\ncontent-encoding: rot13\r\n")
      // Its end never comes.
      socket.once("data", () => socket.write(head.slice(0, -500)))
    })
    // The spy changes nothing; it keeps the answer from the garbage collector, which would close the connection, too.
    using fetched = spyOn(globalThis, "fetch")
    const chunks = lazyBody("m", smallRequest, {})
    const sending = { ...way, chunks: chunks.stream(), length: chunks.length }
    await expect(attempt(client(server.url), sending, options)).rejects.toThrow("rot13")
    expect(fetched.mock.calls[0]?.[1]?.signal?.aborted).toBe(true)
    await closed.promise
    expect(fetched.mock.results).toHaveLength(1)
  })

  test.each([
    ["with an answer", http(fine)],
    ["with an error", http(fine).replace("200 OK", "500 Internal Server Error")],
  ])("it leaves nothing at the signal that may outlive it: %s", async (_end, answer) => {
    await using server = await tcpServer((socket) => socket.once("data", () => socket.write(answer)))
    const chunks = lazyBody("m", smallRequest, {})
    const sending = { ...way, chunks: chunks.stream(), length: chunks.length }
    const { signal } = new AbortController()
    await attempt(client(server.url), sending, { ...options, signal }).catch(() => undefined)
    expect(getEventListeners(signal, "abort")).toEqual([])
  })

  test("what its request is made from is closed before it ends", async () => {
    await using server = await tcpServer((socket) => socket.resetAndDestroy())
    const read = Promise.withResolvers<void>()
    let isClosed = false
    async function* chunks() {
      try {
        await read.promise
        yield new Uint8Array(1)
      } finally {
        isClosed = true
      }
    }
    const attempted = attempt(
      client(server.url),
      { ...way, chunks: chunks(), length: 2 },
      {
        ...options,
        // The failure is being told of while the first piece is still waited for.
        redact: (text) => {
          setImmediate(read.resolve)
          return text
        },
      },
    )
    await expect(attempted).rejects.toMatchObject({ reason: "Transient", isUnreachable: true })
    expect(isClosed).toBe(true)
  })
})

describe("streaming", () => {
  test("puts the answer together, with its tokens", async () => {
    const text = JSON.stringify({ long: "x".repeat(500), 中文: "好" })
    const { result, calls } = await against(() => text, { stream: true, deadlines: patient })
    expect(calls[0]?.stream).toBe(true)
    expect(Either.isRight(result) && result.right).toMatchObject({
      text,
      truncated: false,
      model: "loopback-vlm",
      usage: { prompt_tokens: 1000, completion_tokens: 200 },
    })
  })

  test.each([
    [
      "that breaks off before its end",
      () => streamed('{"a": 1}', { finish: null }),
      "Transient",
      "broke off",
    ],
    ["that stalls", () => streamed('{"a": 1}', { stall: true }), "Transient", "was silent"],
    ["that is filtered", () => streamed("{", { finish: "content_filter" }), "Refused", "content filter"],
    ["that says nothing", () => streamed(""), "Transient", "empty message"],
  ])("an answer %s is an error", async (_name, behave, reason, says) => {
    const { result } = await against(behave, { stream: true })
    expect(Either.isLeft(result) && result.left).toMatchObject({ reason })
    expect(Either.isLeft(result) && result.left.message).toContain(says)
  })

  test("an answer that is cut off at the limit says so", async () => {
    const { result } = await against(() => streamed('{"a"', { finish: "length" }), { stream: true })
    expect(Either.isRight(result) && result.right).toMatchObject({ text: '{"a"', truncated: true })
  })
})

describe("rejections are told apart", () => {
  test.each<[string, number, object, string]>([
    ["auth", 401, { error: { message: "bad key" } }, "auth"],
    ["quota", 402, { detail: "pay first" }, "quota"],
    ["quota by code", 429, { error: { code: "insufficient_quota", message: "pay" } }, "quota"],
    ["too large", 413, { error: { message: "body too large" } }, "too_large"],
    [
      "context length",
      400,
      { error: { code: "context_length_exceeded", message: "too long" } },
      "context_length",
    ],
    [
      "context length in words",
      400,
      { error: { message: "This model's maximum context length is 8192" } },
      "context_length",
    ],
    ["format", 422, { detail: "response_format not supported" }, "format_unsupported"],
    ["not found", 404, { error: { message: "no such model" } }, "not_found"],
    ["an array body", 400, [{ error: { code: 400, message: "Invalid argument" } }], "bad_request"],
  ])("%s", async (_name, status, body, rejection) => {
    const { result, calls } = await against(() => Response.json(body, { status }), {
      responseFormat: "json_object",
      callRetries: 3,
    })
    expect(Either.isLeft(result) && result.left).toMatchObject({ reason: "Rejected", rejection })
    expect(calls).toHaveLength(1)
  })

  test("{error} with 200 that means throttling is throttling", async () => {
    const { result } = await against(() => Response.json({ error: { code: 429, message: "busy" } }))
    expect(Either.isLeft(result) && result.left.reason).toBe("Throttled")
  })
})

describe("a picture that changes while it is sent", () => {
  const withPicture = async (change: (path: string) => void) => {
    await using root = await temporaryFolder()
    const path = join(root.path, "a.jpg")
    const bytes = new Uint8Array(500_000)
    writeFileSync(path, bytes)
    const image = { path, bytes: bytes.length, sha256: sha256(bytes), width: 10, height: 10 }
    change(path)
    await using server = startChatServer({ behave: () => completion("{}") })
    const result = await complete(server.url, { deadlines: patient }, { images: [image] })
    return { result, calls: server.calls.length }
  }

  test.each<[string, (path: string) => void]>([
    ["shrinks", (path) => truncateSync(path, 1000)],
    ["grows", (path) => writeFileSync(path, new Uint8Array(600_000))],
    ["vanishes", (path) => rmSync(path)],
    [
      "becomes a folder",
      (path) => {
        rmSync(path)
        mkdirSync(path)
      },
    ],
  ])("and %s ends the call as unreadable", async (_name, change) => {
    const { result, calls } = await withPicture(change)
    expect(Either.isLeft(result) && result.left).toMatchObject({ reason: "ImageUnreadable" })
    expect(calls).toBe(0)
  })
})

test("what headers tell about limits", () => {
  const headers = new Headers({
    "x-ratelimit-limit-requests": "500",
    "x-ratelimit-limit-tokens": "30000",
    "x-ratelimit-remaining-requests": "0",
    "x-ratelimit-reset-requests": "1m1.5s",
  })
  expect(limitHints(headers, 0, plainly)).toEqual({
    rpm: 500,
    tpm: 30_000,
    tpmHeader: "x-ratelimit-limit-tokens",
    exhaustedForMs: 60_000,
  })
  headers.set("x-ratelimit-reset-requests", "250ms")
  expect(limitHints(headers, 0, plainly).exhaustedForMs).toBe(250)
  expect(limitHints(new Headers(), 0, plainly)).toEqual({})
})
