import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Either, Layer } from "effect"
import { removeDeadScratch } from "../../../src/files/scratch.ts"
import * as Layers from "../../../src/layers.ts"
import { type CallEvent, CallLog } from "../../../src/model/client/CallLog.ts"
import type { ServiceSettings } from "../../../src/model/client/settings.ts"
import { readFamilies } from "../../../src/model/families.ts"
import { type ModelImage, VisionModel } from "../../../src/model/VisionModel.ts"
import { encodeJpeg } from "../../../src/picture/picture.ts"
import { sha256 } from "../../../src/plan/fingerprint.ts"
import { completion, type SeenCall, startChatServer } from "../../support/chat-server.ts"
import { runFolder, scratchOf } from "../../support/folders.ts"
import { strictRequest } from "../../support/model-call.ts"

setDefaultTimeout(60_000)

/** A picture of noise, which is large as a file too. */
const pictureOf = async (width: number, height: number): Promise<ModelImage> => {
  const pixels = Uint8Array.from({ length: width * height * 4 }, (_, i) => (i * 2654435761) >>> 24)
  const jpeg = await Effect.runPromise(encodeJpeg(pixels, width, height, 95))
  const path = join(runFolder(), `${width}x${height}.jpg`)
  await Bun.write(path, jpeg)
  return { path, bytes: jpeg.length, sha256: sha256(Buffer.from(jpeg).toString("latin1")), width, height }
}

const ask = async (url: string, images: ReadonlyArray<ModelImage>, settings: Partial<ServiceSettings>) => {
  const events: Array<CallEvent> = []
  const log = Layer.succeed(CallLog, { record: (event) => Effect.sync(() => void events.push(event)) })
  const model = Layers.service({
    apiBase: url,
    model: "loopback-vlm",
    callRetries: 0,
    callRetryBackoffSec: 0,
    ...settings,
  })
  const result = await Effect.flatMap(VisionModel, ({ complete }) =>
    complete({ ...strictRequest, images }),
  ).pipe(Effect.either, Effect.provide(Layer.provide(model, log)), Effect.runPromise)
  return { events, result, adjusted: Either.isRight(result) ? result.right.adjusted : undefined }
}

const sizesIn = async ({ images }: SeenCall): Promise<ReadonlyArray<string>> => {
  const all = await Promise.all(images.map((image) => new Bun.Image(image).metadata()))
  return all.map(({ width, height }) => `${width}x${height}`)
}

const familiesOf = (limits: object) => {
  const families = readFamilies({ families: [{ pattern: "", ...limits }] })
  if (typeof families === "string") throw new Error(families)
  return { families }
}

const leftovers = () => scratchOf(process.pid)

describe("pictures that are sent", () => {
  test("are as they are on disk where nobody wants them smaller, to the byte", async () => {
    await using server = startChatServer({ behave: () => completion("{}") })
    const picture = await pictureOf(640, 360)
    const { adjusted } = await ask(server.url, [picture], {})
    expect(server.calls[0]?.images.map((image) => Buffer.compare(image, readFileSync(picture.path)))).toEqual(
      [0],
    )
    expect(adjusted).toEqual([])
  })

  test("are made smaller as one wants them, those that are larger alone, and the files stay as they are", async () => {
    await using server = startChatServer({ behave: () => completion("{}") })
    const [wide, small, high] = [
      await pictureOf(640, 360),
      await pictureOf(128, 72),
      await pictureOf(90, 320),
    ]
    const before = readFileSync(wide.path)
    const { adjusted, events } = await ask(server.url, [wide, small, high], { sendMaxSidePx: 256 })
    const [call] = server.calls
    expect(call && (await sizesIn(call))).toEqual(["256x144", "128x72", "72x256"])
    expect(Buffer.compare(call?.images[1] ?? Buffer.alloc(0), readFileSync(small.path))).toBe(0)
    expect(Buffer.compare(before, readFileSync(wide.path))).toBe(0)
    expect(adjusted).toEqual(["pictures sent with sides of 256 pixels at most"])
    expect(events.map((event) => event.adjusted)).toEqual([adjusted ?? []])
    expect(leftovers()).toEqual([])
  })

  test("have the quality that one wants, all of them", async () => {
    await using server = startChatServer({ behave: () => completion("{}") })
    const picture = await pictureOf(256, 144)
    await ask(server.url, [picture], { sendQuality: 95 })
    await ask(server.url, [picture], { sendQuality: 30 })
    const [fine, coarse] = server.calls.map(({ images }) => images[0]?.length ?? 0)
    expect(coarse ?? 0).toBeLessThan((fine ?? 0) / 2)
    expect(await Promise.all(server.calls.map(sizesIn))).toEqual([["256x144"], ["256x144"]])
  })

  test("are never larger than the model takes them, fewer or many", async () => {
    await using server = startChatServer({ behave: () => completion("{}") })
    const limits = familiesOf({ max_side_px: 400, max_side_px_of_many: { above_images: 2, px: 200 } })
    const picture = await pictureOf(640, 360)
    await ask(server.url, [picture, picture], limits)
    await ask(server.url, [picture, picture, picture], limits)
    await ask(server.url, [picture], { ...limits, sendMaxSidePx: 100 })
    expect(await Promise.all(server.calls.map(sizesIn))).toEqual([
      ["400x225", "400x225"],
      ["200x113", "200x113", "200x113"],
      ["100x56"],
    ])
  })

  test("are one request whatever the model's own size is, and another where one sets it", async () => {
    await using server = startChatServer({ behave: () => completion("{}") })
    const picture = await pictureOf(640, 360)
    const digests = []
    for (const settings of [{}, familiesOf({ work_side_px: 320 }), { sendMaxSidePx: 320 }])
      digests.push((await ask(server.url, [picture], settings)).events[0]?.request_sha256)
    expect(digests[1]).toBe(digests[0] ?? "")
    expect(digests[2]).not.toBe(digests[0] ?? "")
  })

  test("are estimated at the size that they are sent with", async () => {
    await using server = startChatServer({
      behave: () => Response.json({ choices: [{ finish_reason: "stop", message: { content: "{}" } }] }),
    })
    const pictures = [await pictureOf(640, 360), await pictureOf(640, 360)]
    const tokensOf = async (settings: Partial<ServiceSettings>) =>
      (await ask(server.url, pictures, settings)).events[0]?.estimated_tokens ?? 0
    const saved = (await tokensOf({})) - (await tokensOf({ sendMaxSidePx: 320 }))
    expect(saved).toBe(2 * (Math.ceil((640 * 360) / 750) - Math.ceil((320 * 180) / 750)))
  })

  test.each([
    ["damaged", async (path: string) => void (await Bun.write(path, "no picture"))],
    ["gone", async (path: string) => void (await Bun.file(path).delete())],
  ])("that are %s fail the call by their name, and nothing is sent or left", async (_what, spoil) => {
    await using server = startChatServer()
    const picture = await pictureOf(640, 360)
    await spoil(picture.path)
    const { result } = await ask(server.url, [picture], { sendMaxSidePx: 64 })
    expect(Either.isLeft(result) && result.left).toMatchObject({ reason: "ImageUnreadable" })
    expect(server.calls).toHaveLength(0)
    expect(leftovers()).toEqual([])
  })

  test("are removed by the next run where the process that sent them was killed", async () => {
    const { promise: hasCome, resolve: come } = Promise.withResolvers<void>()
    await using server = startChatServer({
      behave: () => {
        come()
        return new Promise<Response>(() => undefined)
      },
    })
    const { path } = await pictureOf(640, 360)
    const sender = Bun.spawn([process.execPath, join(import.meta.dir, "picture-sender.ts"), server.url, path])
    await hasCome
    sender.kill("SIGKILL")
    await sender.exited
    expect(scratchOf(sender.pid)).toHaveLength(1)
    await Effect.runPromise(removeDeadScratch)
    expect(scratchOf(sender.pid)).toEqual([])
  })
})
