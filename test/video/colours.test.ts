import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect, type Layer, Stream } from "effect"
import * as C from "node-av/constants"
import { video } from "../../src/layers.ts"
import { VideoDecoder } from "../../src/video/VideoDecoder.ts"
import { type ColourTags, makeVideo, type VideoSpec } from "../support/media.ts"

setDefaultTimeout(60_000)

/** One picture of every file, as BGRA, by a decoder that no other stands in for. */
const picturesBy = (layer: Layer.Layer<VideoDecoder>, files: ReadonlyArray<string>) =>
  Effect.forEach(files, (file) =>
    Effect.gen(function* () {
      const decoder = yield* VideoDecoder
      const source = yield* decoder.probe(file)
      const frames = yield* Stream.runCollect(decoder.frames(source, [0], { output: { format: "BGRA" } }))
      return [...frames].map(({ data }) => Uint8Array.from(data))[0]
    }),
  ).pipe(Effect.provide(layer), Effect.runPromise)

const only = (decoder: "native" | "wasm" | "ffmpeg") => video({ decoder, decoderFallback: false, workers: 1 })
const pq: ColourTags = {
  primaries: C.AVCOL_PRI_BT2020,
  transfer: C.AVCOL_TRC_SMPTE2084,
  matrix: C.AVCOL_SPC_BT2020_NCL,
  range: C.AVCOL_RANGE_MPEG,
}
const hlg: ColourTags = { ...pq, transfer: C.AVCOL_TRC_ARIB_STD_B67 }
const sdr: ColourTags = {
  primaries: C.AVCOL_PRI_BT709,
  transfer: C.AVCOL_TRC_BT709,
  matrix: C.AVCOL_SPC_BT709,
  range: C.AVCOL_RANGE_MPEG,
}

const tagged: Readonly<Record<string, VideoSpec>> = {
  "PQ with ten bits": { colourTags: pq, pixelFormat: "yuv420p10le" },
  "PQ with twelve bits": { colourTags: pq, pixelFormat: "yuv420p12le" },
  "HLG with eight bits": { colourTags: hlg },
  "HLG 4:2:2 with ten bits": { colourTags: hlg, pixelFormat: "yuv422p10le" },
  "HLG 4:4:4 of full range": {
    colourTags: { ...hlg, range: C.AVCOL_RANGE_JPEG },
    pixelFormat: "yuv444p10le",
  },
  "linear light": { colourTags: { ...sdr, transfer: C.AVCOL_TRC_LINEAR } },
  "a logarithmic transfer": { colourTags: { ...sdr, transfer: C.AVCOL_TRC_LOG_SQRT } },
  "primaries of BT.2020": { colourTags: { ...sdr, primaries: C.AVCOL_PRI_BT2020 } },
  "primaries of P3": { colourTags: { ...sdr, primaries: C.AVCOL_PRI_SMPTE432 } },
  "primaries of film": { colourTags: { ...sdr, primaries: C.AVCOL_PRI_FILM } },
  "primaries of XYZ": { colourTags: { ...sdr, primaries: C.AVCOL_PRI_SMPTE428 } },
  "a brighter display with the colours of SDR": { colourTags: { ...sdr, luminance: [0.005, 1000] } },
  "a matrix of constant luminance": { colourTags: { ...pq, matrix: C.AVCOL_SPC_BT2020_CL } },
  "the matrix YCgCo": { colourTags: { ...sdr, matrix: C.AVCOL_SPC_YCGCO }, pixelFormat: "yuv444p" },
  "the matrix ICtCp": { colourTags: { ...pq, matrix: C.AVCOL_SPC_ICTCP } },
  "a matrix from the primaries": { colourTags: { ...sdr, matrix: C.AVCOL_SPC_CHROMA_DERIVED_NCL } },
}

const mostDifferent = (a: Uint8Array | undefined, b: Uint8Array | undefined): number =>
  a === undefined || b === undefined || a.length !== b.length
    ? 256
    : a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? 0))), 0)

describe("HDR and wide-gamut pictures are the same by every decoder", () => {
  const names = Object.keys(tagged)
  const made = Promise.all(
    names.map((name, i) =>
      makeVideo({ ...tagged[name], codec: "ffv1", name: `${i}.mkv`, frames: 2, keyframeEvery: 1 }),
    ),
  )
  const native = made.then((files) => picturesBy(only("native"), files))
  const wasm = made.then((files) => picturesBy(only("wasm"), files))
  for (const [i, name] of names.entries())
    test(name, async () => {
      expect(mostDifferent((await native)[i], (await wasm)[i])).toBeLessThanOrEqual(1)
    })

  test.skipIf(Bun.which("ffmpeg") === null)("and by the ffmpeg program", async () => {
    const chosen = ["PQ with ten bits", "HLG with eight bits", "primaries of P3"].map((name) =>
      names.indexOf(name),
    )
    const files = chosen.map((i) => made.then((all) => all[i] ?? ""))
    const pictures = await picturesBy(only("ffmpeg"), await Promise.all(files))
    for (const [place, i] of chosen.entries())
      expect(mostDifferent((await native)[i], pictures[place])).toBeLessThanOrEqual(1)
  })
})
