import { readFile } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import { Effect, Stream } from "effect"
import { AV_CODEC_ID_PNG, AV_PIX_FMT_RGBA, AV_PKT_FLAG_KEY, AVMEDIA_TYPE_VIDEO } from "node-av/constants"
import { FormatContext, Packet, Rational } from "node-av/lib"
import type { FrameOutput } from "../../src/picture/output.ts"
import { readPng } from "../../src/picture/png.ts"
import type { Backend, BackendCutter, BackendDecoder } from "../../src/video/Backend.ts"
import type { CutRequest, CutResult } from "../../src/video/ClipCutter.ts"
import { framesFor, targetsFor } from "../../src/video/frame.ts"
import { readableSize } from "../../src/video/readable.ts"
import type { VideoSource } from "../../src/video/VideoDecoder.ts"
import { VideoError, type VideoErrorReason } from "../../src/video/VideoError.ts"

// A fourth backend, as somebody else would write it: it serves folders of PNGs. A run watches one file, so a list names them.

/** First line of the list; names of PNGs in the same folder follow, 24 for every second. */
export const HEADING = "PNG sequence"
const name = "png-sequence"
const timeBase = new Rational(1, 24)

const failed = (reason: VideoErrorReason, file: string, message: string, cause?: unknown) =>
  new VideoError({ reason, file, message: `${file} ${message}`, cause })

const read = (file: string, path: string) =>
  Effect.tryPromise({
    try: () => readFile(path),
    catch: (cause) => failed("NotReadable", file, `or ${path} cannot be read`, cause),
  })

/** Paths of the PNGs, in order. */
const pathsIn = Effect.fnUntraced(function* (file: string, probedBytes?: number) {
  const sizeBytes = yield* readableSize(file)
  if (sizeBytes !== (probedBytes ?? sizeBytes))
    return yield* failed("DecodeFailed", file, "was replaced since it was probed")
  const [heading, ...names] = (yield* read(file, file)).toString().trimEnd().split("\n")
  if (heading !== HEADING) return yield* failed("NotAVideo", file, "is no sequence of PNGs")
  return { sizeBytes, paths: names.map((one) => join(dirname(file), one)) }
})

const probe = Effect.fn("PngSequence.probe")(function* (given: string) {
  const file = resolve(given)
  const { paths, sizeBytes } = yield* pathsIn(file)
  const { height, width } = readPng(yield* read(file, paths[0] ?? file))
  return {
    ...{
      file,
      backend: name,
      sizeBytes,
      container: name,
      codec: "png",
      streamIndex: 0,
      timeBase: { num: 1, den: 24 },
    },
    ...{ codedWidth: width, codedHeight: height, displayWidth: width, displayHeight: height },
    ...{ rotationDegrees: 0 as const, mirrored: false, hasAudio: false, indexedBy: "packets" as const },
    framePts: paths.map((_, pts) => pts),
    keyframes: paths.map((_, pts) => ({ pts, dts: pts })),
    endPts: paths.length,
  } satisfies VideoSource
})

const converted = async (png: Uint8Array, output: FrameOutput): Promise<Uint8Array> => {
  if (output.format === "JPEG")
    return new Bun.Image(png).jpeg({ quality: output.quality, progressive: false }).bytes()
  const { rgba } = readPng(png)
  return output.format === "RGBA" ? rgba : rgba.map((_, i) => rgba[i ^ (i % 2 === 0 ? 2 : 0)] ?? 0)
}

const frames: BackendDecoder["frames"] = (source, indices, { output }) => {
  const targets = targetsFor(source, indices)
  if (targets.length === 0) return Stream.empty
  return Stream.fromEffect(pathsIn(source.file, source.sizeBytes)).pipe(
    Stream.flatMap(({ paths }) =>
      Stream.mapEffect(Stream.fromIterable(targets), (target) =>
        Effect.gen(function* () {
          const png = yield* read(source.file, paths[target.pts] ?? source.file)
          const data = yield* Effect.promise(() => converted(png, output))
          return framesFor(source, target, { pts: target.pts, data }, output)
        }),
      ),
    ),
    Stream.flattenIterables,
  )
}

/** The PNGs as they are, in an MP4. */
const cut = Effect.fn("PngSequence.cut")(function* ({ endPts, output, source, startPts }: CutRequest) {
  const { paths } = yield* pathsIn(source.file)
  const pictures = yield* Effect.forEach(paths.slice(startPts, endPts), (path) => read(source.file, path))
  const clip = new FormatContext()
  clip.allocOutputContext2(null, "mp4", `file:${output}`)
  clip.openOutputSync()
  const stream = clip.newStream()
  stream.timeBase = timeBase
  Object.assign(stream.codecpar, { codecType: AVMEDIA_TYPE_VIDEO, codecId: AV_CODEC_ID_PNG })
  Object.assign(stream.codecpar, { format: AV_PIX_FMT_RGBA })
  Object.assign(stream.codecpar, { width: source.codedWidth, height: source.codedHeight })
  clip.writeHeaderSync()
  for (const [i, data] of pictures.entries()) {
    using packet = new Packet()
    packet.alloc()
    Object.assign(packet, { data, flags: AV_PKT_FLAG_KEY, pts: BigInt(i), dts: BigInt(i), duration: 1n })
    packet.rescaleTs(timeBase, stream.timeBase)
    clip.writeFrameSync(packet)
  }
  clip.writeTrailerSync()
  clip.closeOutputSync()
  clip.freeContext()
  const { length } = pictures
  const result: CutResult = {
    ...{ frames: length, copiedFrames: length, firstPts: startPts, mode: "copy", cutter: name },
    reason: "its pictures are kept as they are",
  }
  return result
})

const cutAll: BackendCutter["cutAll"] = ({ clips, ...batch }, onClip) =>
  Effect.forEach(
    clips,
    (range, i) => Effect.flatMap(cut({ ...batch, ...range }), (result) => onClip(result, i)),
    { discard: true },
  )

export const pngSequences: Backend = {
  name,
  available: Effect.void,
  decoder: { probe, frames },
  cutter: {
    cut,
    cutAll,
    decode: (file) => Effect.fail(failed("Unsupported", file, "is not a list of PNGs")),
  },
}
