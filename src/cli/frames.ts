import { join, resolve } from "node:path"
import { Command } from "@effect/cli"
import { Console, Effect, Option, Stream } from "effect"
import { samplePath } from "../dataset/layout.ts"
import { writeLocalFile } from "../dataset/local-store.ts"
import * as Layers from "../layers.ts"
import { sha256 } from "../plan/fingerprint.ts"
import { nearestFrame } from "../video/sampling.ts"
import {
  damageText,
  leftOutText,
  ptsSeconds,
  untimedText,
  VideoDecoder,
  type VideoSource,
} from "../video/VideoDecoder.ts"
import * as flags from "./flags/commands.ts"
import { exitCode, UsageError } from "./usage.ts"

interface DecodingFlags {
  readonly decoder: Layers.DecoderName
  readonly noDecoderFallback: boolean
  readonly memoryLimit: number
  readonly ffmpegBin: Option.Option<string>
}

/** What flags say about decoder and cutter. */
export const videoSettings = ({
  decoder,
  noDecoderFallback,
  memoryLimit,
  ffmpegBin,
}: DecodingFlags): Layers.VideoSettings => ({
  decoder,
  decoderFallback: !noDecoderFallback,
  memoryLimitMb: memoryLimit,
  ...(Option.isSome(ffmpegBin) ? { ffmpegBin: ffmpegBin.value } : {}),
})

const timesOf = (texts: ReadonlyArray<string>) =>
  texts.length === 0
    ? Effect.fail(new UsageError({ message: "give at least one --at T, a time in seconds" }))
    : Effect.forEach(texts, (text) => {
        const seconds = text.trim() === "" ? Number.NaN : Number(text)
        return Number.isFinite(seconds)
          ? Effect.succeed(seconds)
          : Effect.fail(new UsageError({ message: `--at must be a time in seconds, not "${text}"` }))
      })

/** Refuses times at which nothing is shown; those before the first frame of a video that begins late give that frame. */
const requireInside = ({ file, framePts, endPts, timeBase }: VideoSource, times: ReadonlyArray<number>) => {
  const first = ptsSeconds(framePts[0] ?? 0, timeBase)
  const end = ptsSeconds(endPts, timeBase)
  const early = times.find((seconds) => seconds < Math.min(0, first))
  if (early !== undefined)
    return Effect.fail(
      new UsageError({
        message: `--at ${early} is before the start of ${file}: its first frame is at ${first} s`,
      }),
    )
  const late = times.find((seconds) => seconds > end)
  if (late === undefined) return Effect.void
  return Effect.fail(
    new UsageError({ message: `--at ${late} is past the end of ${file}: it ends at ${end} s` }),
  )
}

const extract = Effect.fn("Cli.frames")(function* (
  file: string,
  times: ReadonlyArray<number>,
  folder: string,
  quality: number,
) {
  const decoder = yield* VideoDecoder
  const source = yield* decoder.probe(resolve(file))
  yield* requireInside(source, times)
  if (source.leftOut !== undefined) yield* Console.error(leftOutText(source, source.leftOut))
  if (source.damagedPts !== undefined) yield* Console.error(damageText(source, source.damagedPts))
  if (source.untimedFrames !== undefined) yield* Console.error(untimedText(source, source.untimedFrames))
  // Requests go to the decoder in order of time, and to the screen as well.
  const sorted = times
    .map((seconds) => nearestFrame(source.framePts, source.timeBase, seconds))
    .toSorted((a, b) => a - b)
  const frames = decoder.frames(source, sorted, { output: { format: "JPEG", quality } })
  yield* Console.log("index\tpts\ttime\tsha256\tpath")
  yield* Stream.runForEach(frames, (frame) =>
    Effect.gen(function* () {
      const seconds = ptsSeconds(frame.pts, source.timeBase)
      const path = join(
        resolve(folder),
        samplePath(frame.request + 1, seconds)
          .split("/")
          .at(-1) ?? "",
      )
      yield* writeLocalFile(path, frame.data)
      const digest = sha256(frame.data)
      frame.close()
      yield* Console.log([frame.frameIndex, frame.pts, seconds, digest, path].join("\t"))
      if (frame.substitutedForPts !== undefined) {
        yield* Console.error(
          `PTS ${frame.substitutedForPts} does not decode; PTS ${frame.pts}, the nearest that does, is used instead`,
        )
      }
    }),
  )
})

/** `frames`: decodes single frames again. On the same backend they are those of a manifest, byte for byte. */
export const framesCommand = (report: (code: number) => Effect.Effect<void>) =>
  Command.make("frames", flags.frames, (given) =>
    Effect.gen(function* () {
      if (Option.isNone(given.video)) return yield* new UsageError({ message: "give --video FILE" })
      const times = yield* timesOf(given.at)
      const video = Layers.video({ ...videoSettings(given), pictureWork: "decoding" })
      yield* Effect.provide(extract(given.video.value, times, given.output, given.jpegQuality), video)
      yield* report(exitCode.done)
    }),
  )
