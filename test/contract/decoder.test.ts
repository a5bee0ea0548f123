import { expect, setDefaultTimeout, test } from "bun:test"
import { Effect } from "effect"
import { video } from "../../src/layers.ts"
import { VideoDecoder } from "../../src/video/VideoDecoder.ts"
import { makeVideo } from "../support/media.ts"
import { decoderContract } from "./decoder.contract.ts"

setDefaultTimeout(120_000)

const only = (decoder: "native" | "wasm" | "ffmpeg") => video({ decoder, decoderFallback: false, workers: 2 })

decoderContract({ name: "libav", layer: only("native"), refuses: {}, rounds: {} })

decoderContract({
  name: "wasm",
  layer: only("wasm"),
  share: 2,
  // The core was built without an AV1 decoder.
  refuses: { AV1: "Unsupported" },
  // libav's inverse transform for MPEG-4 differs between x86 and portable code.
  rounds: { "MPEG-4 in AVI": 2, "MPEG-4 with B-frames in AVI": 2, "MS-MPEG-4 in AVI": 2 },
})

if (Bun.which("ffmpeg") !== null)
  decoderContract({ name: "ffmpeg", layer: only("ffmpeg"), share: 2, refuses: {}, rounds: {} })

test.skipIf(Bun.which("ffmpeg") === null)(
  "ffmpeg finds the frames of VP8 and VP9 by their packets, as libav does",
  async () => {
    for (const codec of ["vp8", "vp9"] as const) {
      const file = await makeVideo({ codec, frames: 60, name: "video.webm" })
      const probe = (decoder: "ffmpeg" | "native") =>
        Effect.runPromise(
          Effect.provide(
            Effect.flatMap(VideoDecoder, (one) => one.probe(file)),
            only(decoder),
          ),
        )
      const { framePts, keyframes, indexedBy } = await probe("native")
      expect(indexedBy).toBe("packets")
      expect(await probe("ffmpeg")).toMatchObject({ framePts, keyframes, indexedBy })
    }
  },
)

test("an ffmpeg program that is not there makes the backend unavailable", async () => {
  const absent = video({ decoder: "ffmpeg", decoderFallback: false, ffmpegBin: "/nowhere/ffmpeg" })
  const failure = await Effect.runPromise(
    Effect.flip(
      Effect.provide(
        Effect.flatMap(VideoDecoder, (decoder) => decoder.available),
        absent,
      ),
    ),
  )
  expect(failure.reason).toBe("BackendUnavailable")
  expect(failure.message).toContain("/nowhere/ffmpeg")
})
