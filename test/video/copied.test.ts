import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Context, Effect, Layer } from "effect"
import { ClipCutter, type CutMode } from "../../src/video/ClipCutter.ts"
import { COPIED_OTHERWISE } from "../../src/video/copied.ts"
import * as ffmpegCutter from "../../src/video/ffmpeg/cutter.ts"
import * as ffmpegDecoder from "../../src/video/ffmpeg/decoder.ts"
import * as ffmpegProgram from "../../src/video/ffmpeg/program.ts"
import * as libavCutter from "../../src/video/libav/cutter.ts"
import * as libavDecoder from "../../src/video/libav/decoder.ts"
import { makePacket, openInput } from "../../src/video/libav/input.ts"
import * as libavPool from "../../src/video/libav/workers.ts"
import { type Backend, withSameFrames } from "../../src/video/same-frames.ts"
import { VideoDecoder, type VideoSource } from "../../src/video/VideoDecoder.ts"
import * as wasmCutter from "../../src/video/wasm/cutter.ts"
import * as wasmDecoder from "../../src/video/wasm/decoder.ts"
import * as wasmPool from "../../src/video/wasm/workers.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo, type VideoSpec } from "../support/media.ts"
import { decodeAll, psnr } from "../support/truth.ts"
import { cutOf, secondsOf } from "./video-layers.ts"

setDefaultTimeout(120_000)

const settings = { size: 1, deadlineMs: 60_000 }
const layers = {
  libav: Layer.provide(Layer.merge(libavDecoder.layer, libavCutter.layer), libavPool.layer(settings)),
  wasm: Layer.provide(Layer.merge(wasmDecoder.layer, wasmCutter.layer), wasmPool.layer(settings)),
  ffmpeg: Layer.provide(
    Layer.merge(ffmpegDecoder.layer, ffmpegCutter.layer),
    ffmpegProgram.layer({ ...settings, bin: "ffmpeg" }),
  ),
}
type Name = keyof typeof layers
const names: ReadonlyArray<Name> = [
  "libav",
  "wasm",
  ...(Bun.which("ffmpeg") === null ? [] : ["ffmpeg" as const]),
]

const folder = runFolder()
let files = 0

const backendOf = (name: Name) =>
  Effect.map(
    Layer.build(layers[name]),
    (context): Backend => ({
      decoder: Context.get(context, VideoDecoder),
      cutter: Context.get(context, ClipCutter),
    }),
  )

/** A video whose second key frame is damaged in its second half: what a decoder shows there comes from the frames before. */
const withDamagedKey = async (spec: VideoSpec): Promise<string> => {
  const file = await makeVideo({ frames: 48, keyframeEvery: 12, bFrames: 0, noise: true, ...spec })
  const bytes = await readFile(file)
  {
    using input = openInput(file)
    using packet = makePacket()
    const keys: Array<readonly [at: number, size: number]> = []
    while (input.read(packet)) if (packet.isKeyframe) keys.push([Number(packet.pos), packet.size])
    const [at, size] = keys[1] ?? [0, 0]
    bytes.fill(0xff, at + (size >> 1), at + size - 4)
  }
  await writeFile(file, bytes)
  return file
}

/** The least PSNR of a clip's pictures, each against the frame of a decode of the whole file at its time. */
const worstOf = async (source: VideoSource, clip: VideoSource, firstPts: number) => {
  const truth = new Map(
    [...(await decodeAll(source))].map(([pts, data]) => [secondsOf(source, pts - firstPts).toFixed(3), data]),
  )
  const ratios = [...(await decodeAll(clip))].map(([pts, data]) => {
    const wanted = truth.get(secondsOf(clip, pts).toFixed(3))
    return wanted === undefined ? 0 : psnr(data, wanted)
  })
  return Math.min(...ratios)
}

const cutWith = Effect.fn("cutWith")(function* (
  name: Name,
  file: string,
  mode: CutMode,
  range: readonly [number, number],
) {
  const { cutter, decoder } = yield* backendOf(name)
  const source = yield* decoder.probe(file)
  const pts = (at: number) => source.framePts[at] ?? source.endPts
  const output = join(folder, `clip-${files++}.mp4`)
  const reply = yield* cutter.cut(cutOf(source, pts(range[0]), pts(range[1]), output, { mode }))
  return { clip: yield* decoder.probe(output), reply, source }
}, Effect.scoped)

const run = <A, E>(effect: Effect.Effect<A, E>) => Effect.runPromise(effect)

for (const name of names)
  describe(`clips that ${name} copies`, () => {
    test("stay copies where nothing is damaged, whether or not packets tell which frames they are", async () => {
      for (const spec of [
        { name: "whole.mp4" },
        { name: "whole.mkv", bFrames: 2 },
        { name: "whole.ts" },
      ] as const) {
        const { reply } = await run(
          cutWith(name, await makeVideo({ ...spec, keyframeEvery: 12 }), "copy", [13, 30]),
        )
        expect(reply).toMatchObject({ mode: "copy" })
        expect(reply.reason).toBeUndefined()
      }
    })

    for (const [stream, spec] of Object.entries({
      "H.264": { name: "damaged.mp4" },
      "H.264 in Matroska": { name: "damaged.mkv" },
      "MPEG-4": { name: "damaged.mp4", codec: "mpeg4" },
    } satisfies Record<string, VideoSpec>))
      test(`are re-encoded where a copy would show something else, and say so: ${stream}`, async () => {
        const file = await withDamagedKey(spec)
        const { clip, reply, source } = await run(cutWith(name, file, "copy", [13, 30]))
        expect(reply).toMatchObject({ mode: "reencode", reason: COPIED_OTHERWISE, frames: 17 })
        // Versions of libav conceal damage in different ways.
        if (name === "libav") expect(await worstOf(source, clip, reply.firstPts)).toBeGreaterThan(28)
      })
  })

describe("a cutter that reads other frames than the decoder did", () => {
  const cutBy = (change: (source: VideoSource) => VideoSource) =>
    Effect.gen(function* () {
      const [libav, wasm] = [yield* backendOf("libav"), yield* backendOf("wasm")]
      const cutter = withSameFrames(libav.cutter, [libav, wasm])
      const source = change(yield* wasm.decoder.probe(yield* Effect.promise(() => makeVideo({ frames: 24 }))))
      const output = join(folder, `clip-${files++}.mp4`)
      const request = cutOf(source, source.framePts[2] ?? 0, source.framePts[9] ?? 0, output)
      const one = yield* cutter.cut(request)
      const { startPts, endPts, ...batch } = request
      const all: Array<string> = []
      yield* cutter.cutAll({ ...batch, clips: [{ startPts, endPts, output }] }, (result) =>
        Effect.sync(() => all.push(result.cutter)),
      )
      return [one.cutter, ...all]
    }).pipe(Effect.scoped, Effect.runPromise)

  test("leaves the clips to the decoder's own; one that reads the same cuts them", async () => {
    expect(await cutBy((source) => source)).toEqual(["libav", "libav"])
    expect(await cutBy((source) => ({ ...source, framePts: source.framePts.slice(0, -1) }))).toEqual([
      "wasm",
      "wasm",
    ])
    expect(
      await cutBy((source) => ({
        ...source,
        framePts: source.framePts.map((pts, i) => (i === 5 ? pts + 1 : pts)),
      })),
    ).toEqual(["wasm", "wasm"])
  })
})
