import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, readdirSync, readlinkSync, writeFileSync } from "node:fs"
import { createServer, type Socket } from "node:net"
import { join } from "node:path"
import { Effect, Either, Fiber } from "effect"
import * as Client from "../../../src/model/client/client.ts"
import { type ModelRequest, VisionModel } from "../../../src/model/VisionModel.ts"
import { sha256 } from "../../../src/plan/fingerprint.ts"
import { temporaryFolder } from "../../support/folders.ts"
import { callModel, smallRequest } from "../../support/model-call.ts"

setDefaultTimeout(60_000)

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let request: ModelRequest

beforeAll(async () => {
  folder = await temporaryFolder()
  const images = Array.from({ length: 4 }, (_, i) => {
    const path = join(folder.path, `${i}.jpg`)
    const bytes = new Uint8Array(2_000_000).fill(i)
    writeFileSync(path, bytes)
    return { path, bytes: bytes.length, sha256: sha256(bytes), width: 640, height: 360 }
  })
  request = { ...smallRequest, images }
})
afterAll(() => folder[Symbol.asyncDispose]())

/** Pictures that this process has open, where the system tells. */
const openPictures = (): ReadonlyArray<string> => {
  const fds = "/proc/self/fd"
  if (!existsSync(fds)) return []
  return readdirSync(fds).flatMap((fd) => {
    try {
      const path = readlinkSync(join(fds, fd))
      return path.startsWith(folder.path) ? [path] : []
    } catch {
      // The one that lists them is gone by now.
      return []
    }
  })
}

/** A file that is collected while it is open ends the process; so whatever is left is collected here. */
const collect = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) {
    Bun.gc(true)
    await Bun.sleep(10)
  }
}

/** A server that treats every connection in this way. */
const tcp = async (treat: (socket: Socket) => void) => {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on("error", () => undefined)
    treat(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/v1`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

/** The address of a server that is gone. */
const closedPort = async (): Promise<string> => {
  await using server = await tcp(() => undefined)
  return server.url
}

const deadlines = { connectMs: 300, silenceMs: 300, totalMs: 2000 }

test("a service that is not there from the first call on is an error with a way out, and leaves no file open", async () => {
  for (const url of [
    await closedPort(),
    "http://no-such-host.invalid/v1",
    (await closedPort()).replace("http:", "https:"),
  ]) {
    const { result } = await callModel(url, { callRetries: 3, deadlines }, request)
    expect(Either.isLeft(result) && result.left).toMatchObject({ reason: "Transient", isUnreachable: true })
    expect(Either.isLeft(result) && result.left.message).toContain("check --api-base and the network")
    await collect()
    expect(openPictures()).toEqual([])
  }
})

test.each<[string, (socket: Socket) => void]>([
  ["is reset at once", (socket) => socket.resetAndDestroy()],
  ["is reset in the middle of the request", (socket) => socket.once("data", () => socket.resetAndDestroy())],
  ["is closed in the middle of the request", (socket) => socket.once("data", () => socket.end())],
  ["is never read from", (socket) => socket.pause()],
  [
    "is answered before the request was read",
    (socket) =>
      socket.once("data", () =>
        socket.end("HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"),
      ),
  ],
  ["speaks another protocol", (socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n")],
])("a connection that %s leaves no file open", async (_name, treat) => {
  await using server = await tcp(treat)
  const { result } = await callModel(server.url, { callRetries: 2, deadlines }, request)
  expect(Either.isLeft(result)).toBe(true)
  await collect()
  expect(openPictures()).toEqual([])
})

test("an interrupted call leaves no file open once it has ended", async () => {
  const reached = Promise.withResolvers<void>()
  await using server = await tcp((socket) => {
    socket.once("data", () => {
      socket.pause()
      reached.resolve()
    })
  })
  const program = Effect.gen(function* () {
    const { complete } = yield* VisionModel
    const fiber = yield* Effect.fork(complete(request))
    yield* Effect.promise(() => reached.promise)
    yield* Fiber.interrupt(fiber)
    return openPictures()
  })
  const settings = { apiBase: server.url, model: "m", temperature: 0, callRetries: 0, callRetryBackoffSec: 0 }
  const open = await Effect.runPromise(Effect.provide(program, Client.layer(settings)))
  await collect()
  expect(open).toEqual([])
})
