import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Stream } from "effect"
import { isAviIndexBroken } from "../../src/bitstream/riff/avi-index.ts"
import { video } from "../../src/layers.ts"
import { ClipCutter, type CutMode } from "../../src/video/ClipCutter.ts"
import { VideoDecoder } from "../../src/video/VideoDecoder.ts"
import { decodersHere } from "../support/decoders-here.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo, numberInPicture, type VideoSpec } from "../support/media.ts"
import { decodeAll } from "../support/truth.ts"
import { allNumbers, cutOf, run } from "../video/video-layers.ts"

setDefaultTimeout(60_000)

const FRAMES = 48
const ENTRY_BYTES = 16
/** Bytes of 48 pictures without sound, of a codec in which all are key frames. */
const spec: VideoSpec = { codec: "mjpeg", pixelFormat: "yuvj420p", name: "whole.avi", frames: FRAMES }

/** Place of an entry of the index. */
const entryAt = (bytes: Buffer, entry: number): number =>
  bytes.lastIndexOf("idx1", bytes.length, "latin1") + 8 + entry * ENTRY_BYTES

/** Ways in which an index lies from its 13th entry on. */
const lies: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  "an entry of another stream": (bytes) => {
    bytes.write("01wb", entryAt(bytes, 12), "latin1")
    return bytes
  },
  "an entry twice": (bytes) => {
    const at = entryAt(bytes, 12)
    bytes.copy(bytes, at, at + ENTRY_BYTES, at + 2 * ENTRY_BYTES)
    return bytes
  },
  "two entries that have changed places": (bytes) => {
    const at = entryAt(bytes, 12)
    const first = Buffer.from(bytes.subarray(at, at + ENTRY_BYTES))
    bytes.copy(bytes, at, at + ENTRY_BYTES, at + 2 * ENTRY_BYTES)
    first.copy(bytes, at + ENTRY_BYTES)
    return bytes
  },
  "offsets of the pictures before": (bytes) => {
    for (let entry = FRAMES - 1; entry >= 12; entry--) {
      const at = entryAt(bytes, entry) + 8
      bytes.writeUInt32LE(bytes.readUInt32LE(at - ENTRY_BYTES), at)
    }
    return bytes
  },
  "an index that ends too early": (bytes) => {
    const at = bytes.lastIndexOf("idx1", bytes.length, "latin1")
    bytes.writeUInt32LE(30 * ENTRY_BYTES, at + 4)
    return bytes.subarray(0, entryAt(bytes, 30))
  },
  "a size that is wrong": (bytes) => {
    const at = entryAt(bytes, 12) + 12
    bytes.writeUInt32LE(bytes.readUInt32LE(at) + 1, at)
    return bytes
  },
}

const lying = async (how: (bytes: Buffer) => Buffer): Promise<string> => {
  const file = join(runFolder(), "lying.avi")
  await writeFile(file, how(Buffer.from(await readFile(await makeVideo(spec)))))
  return file
}

describe("an AVI's index that names other pictures than are there", () => {
  for (const [what, how] of Object.entries(lies)) {
    test(`${what}: is seen`, async () => {
      expect(isAviIndexBroken(await lying(how))).toBe(true)
    })

    for (const decoder of decodersHere)
      test(`${what}: ${decoder} gives the pictures of a full decode`, async () => {
        const file = await lying(how)
        const { source, given } = await Effect.gen(function* () {
          const { frames, probe } = yield* VideoDecoder
          const source = yield* probe(file)
          const given = yield* Stream.runCollect(
            frames(source, [5, 13, 20, 29, 40], { output: { format: "BGRA" } }),
          )
          return { source, given: [...given] }
        }).pipe(Effect.provide(video({ decoder, decoderFallback: false, workers: 2 })), Effect.runPromise)
        const numberIn = (rgba: Uint8Array) =>
          numberInPicture({ width: source.displayWidth, height: source.displayHeight, rgba })
        const whole = await decodeAll(source)
        expect(given.map(({ frameIndex }) => frameIndex)).toEqual([5, 13, 20, 29, 40])
        expect(given.map(({ data }) => numberIn(data))).toEqual(
          given.map(({ pts }) => numberIn(whole.get(pts) ?? new Uint8Array())),
        )
      })
  }

  const cutters = [undefined, ...(Bun.which("ffmpeg") === null ? [] : ["ffmpeg"])]
  const modes: ReadonlyArray<CutMode> = ["smart", "reencode", "copy"]
  for (const ffmpegBin of cutters)
    for (const mode of modes)
      test(`clips by ${ffmpegBin ?? "libav"} in mode ${mode} hold the frames that they should`, async () => {
        const file = await lying(lies["an entry of another stream"] ?? ((bytes) => bytes))
        const output = join(runFolder(), "clip.mp4")
        await Effect.gen(function* () {
          const source = yield* (yield* VideoDecoder).probe(file)
          const [start = 0, end = 0] = [30, 40].map((i) => source.framePts[i])
          const request = cutOf(source, start, end, output, { mode, seekSlopSec: 0 })
          yield* (yield* ClipCutter).cut(request)
        }).pipe(
          Effect.provide(video({ workers: 2, ...(ffmpegBin === undefined ? {} : { ffmpegBin }) })),
          Effect.runPromise,
        )
        const { numbers } = await run(allNumbers(output))
        expect(numbers).toEqual(Array.from({ length: 10 }, (_, i) => 30 + i))
      })
})

test("the index of a whole AVI does not lie, nor do other files have one", async () => {
  const wholes: ReadonlyArray<VideoSpec> = [
    spec,
    { codec: "mpeg4", name: "mpeg4.avi" },
    { codec: "mpeg4", bFrames: 2, name: "reordered.avi", audio: true },
    { codec: "msmpeg4v3", name: "ms.avi" },
    { name: "h264.avi" },
    { name: "film.mkv" },
    {},
  ]
  for (const whole of wholes) expect(isAviIndexBroken(await makeVideo(whole))).toBe(false)
})
