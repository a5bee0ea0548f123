import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"
import type { CutMode } from "../../src/video/ClipCutter.ts"
import { COPIED_OTHERWISE } from "../../src/video/copied.ts"
import { cutterOf } from "../../src/video/cutting.ts"
import * as Ffmpeg from "../../src/video/ffmpeg/backend.ts"
import * as Libav from "../../src/video/libav/backend.ts"
import { makePacket, openInput } from "../../src/video/libav/input.ts"
import type { VideoSource } from "../../src/video/VideoDecoder.ts"
import * as Wasm from "../../src/video/wasm/backend.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo, type VideoSpec } from "../support/media.ts"
import { worstPicture } from "../support/truth.ts"
import { cutOf } from "./video-layers.ts"

setDefaultTimeout(120_000)

const settings = { size: 1, deadlineMs: 60_000 }
const makers = {
  libav: Libav.make(settings),
  wasm: Wasm.make(settings),
  ffmpeg: Ffmpeg.make({ ...settings, bin: "ffmpeg" }),
}
type Name = keyof typeof makers
const names: ReadonlyArray<Name> = [
  "libav",
  "wasm",
  ...(Bun.which("ffmpeg") === null ? [] : ["ffmpeg" as const]),
]

const folder = runFolder()
let files = 0

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

const cutWith = Effect.fn("cutWith")(function* (
  name: Name,
  file: string,
  mode: CutMode,
  range: readonly [number, number],
) {
  const backend = yield* makers[name]
  const { decoder } = backend
  const cutter = yield* cutterOf([backend])
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
        if (name !== "libav") return
        expect((await worstPicture(source, clip, reply.firstPts)).worst).toBeGreaterThan(28)
      })
  })

describe("a cutter that reads other frames than the decoder did", () => {
  const cutBy = (change: (source: VideoSource) => VideoSource) =>
    Effect.gen(function* () {
      const [libav, wasm] = [yield* makers.libav, yield* makers.wasm]
      const cutter = yield* cutterOf([libav, wasm])
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
