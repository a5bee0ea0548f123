import { Chunk, Effect, Stream } from "effect"
import { makeBitmap } from "../../bmp.ts"
import type { Picture } from "../../frame.ts"
import { keyframeIndex, nearestFrame } from "../../sampling.ts"
import { deliver, isQuarterTurn } from "../../upright.ts"
import type { FrameOutput, Keyframe, VideoSource } from "../../VideoDecoder.ts"
import { VideoError } from "../../VideoError.ts"
import { ffmpegBytes, onceMoreIfKilled } from "../ffmpeg-process.ts"
import type { FfmpegProgram } from "../ffmpeg-program.ts"
import type { PictureForm } from "../filters.ts"
import { readTimes } from "../wasm/frame-index.ts"
import { streamAt } from "../wasm/media-info.ts"
import { type FfmpegInput, pictureArguments, timesArguments } from "./arguments.ts"
import { readInfo, run } from "./listing.ts"

/** Groups of pictures before a damaged one from which on everything is decoded, to come to it in the right state. */
const RUN_UP = 8
/** Pictures that are encoded while ffmpeg goes on. */
const ENCODING = 2

/** A wanted PTS, and the picture for it. */
export interface Answer {
  readonly wantedPts: number
  readonly picture: Picture
}

/** Cuts a stream of bytes into pieces of one size; what is left over is dropped. */
const inPieces = <E>(bytes: Stream.Stream<Uint8Array, E>, size: number): Stream.Stream<Uint8Array, E> => {
  const start = { piece: new Uint8Array(size), filled: 0 }
  return Stream.mapAccum(bytes, start, (state, chunk) => {
    const whole: Array<Uint8Array> = []
    let { piece, filled } = state
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + size - filled)
      piece.set(part, filled)
      filled += part.length
      at += part.length
      if (filled === size) {
        whole.push(piece)
        piece = new Uint8Array(size)
        filled = 0
      }
    }
    return [{ piece, filled }, Chunk.fromIterable(whole)] as const
  }).pipe(Stream.flattenChunks)
}

/** Gives the pictures for wanted PTS of one group, in order. */
export const makePictures = Effect.fn("Ffmpeg.pictures")(function* (
  program: FfmpegProgram,
  source: VideoSource,
  output: FrameOutput,
) {
  const { file, streamIndex, timeBase, framePts } = source
  const info = yield* readInfo(program, file)
  const { chroma } = yield* Effect.try({
    try: () => streamAt(file, info, streamIndex),
    catch: (cause) =>
      new VideoError({ reason: "DecodeFailed", file, message: `${file}: ${String(cause)}`, cause }),
  })
  const [width, height] = isQuarterTurn(source)
    ? [source.displayHeight, source.displayWidth]
    : [source.displayWidth, source.displayHeight]
  const form: PictureForm = {
    size: [width, height],
    chroma,
    isSameSize: width === source.codedWidth && height === source.codedHeight,
  }
  const encoded = (pixels: Uint8Array) =>
    Effect.tryPromise({
      try: () => {
        const bitmap = makeBitmap(width, height)
        bitmap.pixels.set(pixels)
        return deliver(bitmap, width, height, source, output)
      },
      catch: (cause) =>
        new VideoError({
          reason: "DecodeFailed",
          file,
          message: `${file}: a picture cannot be encoded`,
          cause,
        }),
    })
  const inputFrom = (keyframe: Keyframe | undefined): FfmpegInput => ({
    file,
    streamIndex,
    from: keyframe === undefined || keyframe.pts <= (framePts[0] ?? 0) ? undefined : { keyframe, timeBase },
  })

  /** The pictures with exactly these PTS, as many of the first as come out. */
  const exact = (input: FfmpegInput, pts: ReadonlyArray<number>, onComplaint?: () => void) => {
    const pictures = inPieces(
      ffmpegBytes({ ...program, file, args: pictureArguments(input, pts, form) }, onComplaint),
      width * height * 4,
    ).pipe(
      Stream.mapEffect(encoded, { concurrency: ENCODING }),
      Stream.zipWithIndex,
      Stream.flatMap(([data, i]) => {
        const at = pts[i]
        return at === undefined ? Stream.empty : Stream.succeed({ pts: at, data } satisfies Picture)
      }),
    )
    return onceMoreIfKilled(Stream.runCollect(pictures))
  }

  /** PTS of what decodes near these PTS: from some groups before them, or anywhere. */
  const decodable = Effect.fnUntraced(function* (keyframe: Keyframe | undefined, lastPts: number) {
    const after =
      framePts[Math.min(framePts.length - 1, nearestFrame(framePts, { num: 1, den: 1 }, lastPts) + 64)]
    for (const end of [(after ?? lastPts) + 1, undefined]) {
      const input = inputFrom(keyframe)
      const { stdout } = yield* run(program, file, timesArguments(input, undefined, end))
      const found = readTimes(stdout.split("\n")).toSorted((a, b) => a - b)
      if (found.length > 0) return found
    }
    return []
  })

  /** What stands in for frames that do not come out. */
  const nearest = (keyframes: ReadonlyArray<Keyframe>, wanted: ReadonlyArray<number>) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const key = keyframeIndex(keyframes, wanted[0] ?? 0)
        for (const keyframe of [keyframes[key - RUN_UP], undefined]) {
          const found = yield* decodable(keyframe, wanted.at(-1) ?? 0)
          if (found.length === 0) continue
          const stands = wanted.map((pts) => found[nearestFrame(found, { num: 1, den: 1 }, pts)] ?? pts)
          const pictures = yield* exact(inputFrom(keyframe), [...new Set(stands)])
          const byPts = new Map([...pictures].map((picture) => [picture.pts, picture]))
          const answers = wanted.flatMap((wantedPts, i): ReadonlyArray<Answer> => {
            const picture = byPts.get(stands[i] ?? wantedPts)
            return picture === undefined ? [] : [{ wantedPts, picture }]
          })
          if (answers.length === wanted.length) return Stream.fromIterable(answers)
        }
        return Stream.fail(
          new VideoError({
            reason: "DecodeFailed",
            file,
            message: `${file}: not one frame decodes near PTS ${wanted[0]}; the file is damaged`,
          }),
        )
      }),
    )

  /** The pictures with exactly these PTS, or `undefined` if some are missing: then none of them is certain. */
  const allFrom = Effect.fnUntraced(function* (
    keyframe: Keyframe | undefined,
    wanted: ReadonlyArray<number>,
  ) {
    let isDamaged = false
    const pictures = yield* exact(inputFrom(keyframe), wanted, () => {
      isDamaged = true
    })
    const answers = [...pictures].map((picture): Answer => ({ wantedPts: picture.pts, picture }))
    return { isDamaged, answers: answers.length === wanted.length ? answers : undefined }
  })

  return (keyframes: ReadonlyArray<Keyframe>, wanted: ReadonlyArray<number>) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const trusted = source.indexedBy === "packets" ? keyframes : []
        const key = keyframeIndex(trusted, wanted[0] ?? 0)
        const near = yield* allFrom(trusted[key], wanted)
        if (near.answers !== undefined && !near.isDamaged) return Stream.fromIterable(near.answers)
        const { answers } = yield* allFrom(trusted[key - RUN_UP], wanted)
        return answers === undefined ? nearest(trusted, wanted) : Stream.fromIterable(answers)
      }),
    )
})
