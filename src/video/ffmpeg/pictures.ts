import { closeSync, openSync } from "node:fs"
import { Chunk, Effect, Stream } from "effect"
import type { KeyPacket } from "../../bitstream/key-packet.ts"
import { isNalCodec } from "../../bitstream/nal/codec.ts"
import { stackTiles } from "../../picture/bands.ts"
import type { FrameOutput } from "../../picture/output.ts"
import { isLarge } from "../../picture/picture-size.ts"
import { release } from "../../picture/release.ts"
import { whyUnreadable } from "../access.ts"
import { type DecodeStep, decodeLadder, nothingDecodes } from "../decode-ladder.ts"
import { deliverPixels } from "../ffprobe/deliver-pixels.ts"
import { type Excerpt, excerptOf, readComposed } from "../ffprobe/excerpt.ts"
import { formFor, readTimes, tileBytes, tileCount, tileSize } from "../ffprobe/filters.ts"
import { partOf, rangeOf } from "../ffprobe/gop-packets.ts"
import { streamAt } from "../ffprobe/media-info.ts"
import type { Picture } from "../frame.ts"
import { type Gop, gopsOf } from "../gops.ts"
import { nearestFrame } from "../sampling.ts"
import type { VideoSource } from "../VideoDecoder.ts"
import { VideoError } from "../VideoError.ts"
import { orVideoError } from "../workers.ts"
import { EXCERPT, type FfmpegInput, pictureArguments, timesArguments } from "./arguments.ts"
import { type InfoSource, packetPlaces, run } from "./listing.ts"
import { type FfmpegCommand, ffmpegBytes, onceMoreIfKilled } from "./process.ts"
import type { FfmpegProgram } from "./program.ts"

/** Groups of pictures before a damaged one from which on everything is decoded, to come to it in the right state. */
const RUN_UPS = [8]
/** Pictures that are encoded while ffmpeg goes on. */
const ENCODING = 2

/** A wanted PTS, and the picture for it. */
export interface Answer {
  readonly wantedPts: number
  readonly picture: Picture
}

/** Cuts a stream of bytes into pieces of one size; what is left over is dropped. */
const inPieces = <E>(
  bytes: Stream.Stream<Uint8Array, E>,
  size: number,
): Stream.Stream<Uint8Array<ArrayBuffer>, E> => {
  interface State {
    readonly piece: Uint8Array<ArrayBuffer> | undefined
    readonly filled: number
  }
  // Nothing that could be given away twice: the stream may run again.
  const start: State = { piece: undefined, filled: 0 }
  return Stream.mapAccum(bytes, start, (state, chunk) => {
    const whole: Array<Uint8Array<ArrayBuffer>> = []
    let { piece, filled } = state
    for (let at = 0; at < chunk.length; ) {
      piece ??= new Uint8Array(size)
      const part = chunk.subarray(at, at + size - filled)
      piece.set(part, filled)
      filled += part.length
      at += part.length
      if (filled === size) {
        whole.push(piece)
        piece = undefined
        filled = 0
      }
    }
    return [{ piece, filled }, Chunk.fromIterable(whole)] as const
  }).pipe(Stream.flattenChunks)
}

/** Packets of more bytes are left to the program: to look at them would keep the process from all else. */
const MOST_READ_BYTES = 32e6

/** The bytes of an excerpt; `undefined` if they are no longer in the file. */
const bytesOf = (fd: number, { file }: Excerpt): Uint8Array | undefined => {
  const bytes = new Uint8Array(file.sizeBytes)
  return readComposed(file, fd, bytes, 0, bytes.length, 0) === bytes.length ? bytes : undefined
}

/**
 * What gives pictures for wanted PTS, in order.
 *
 * @param all every PTS that will be wanted, increasing
 */
export const makePictures = Effect.fn("Ffmpeg.pictures")(function* (
  program: FfmpegProgram,
  infoOf: InfoSource,
  source: VideoSource,
  output: FrameOutput,
  all: ReadonlyArray<number>,
) {
  const { file, streamIndex, timeBase, framePts } = source
  const info = yield* infoOf(file)
  const stream = yield* orVideoError(file, () => streamAt(file, info, streamIndex))
  const { chroma, isGrey } = stream
  const coded = { chroma, isGrey, width: source.codedWidth, height: source.codedHeight }
  const form = formFor(coded, source, source, output)
  const encoded = (pixels: Uint8Array<ArrayBuffer>) =>
    Effect.tryPromise({
      try: () => {
        const data = deliverPixels(pixels, tileSize(form), source, output)
        release(pixels)
        return data
      },
      catch: (cause) =>
        new VideoError({
          reason: "DecodeFailed",
          file,
          message: `${file}: a frame cannot be encoded`,
          cause,
        }),
    })
  /** Whole pictures of their tiles. */
  const inPictures = <E>(tiles: Stream.Stream<Uint8Array<ArrayBuffer>, E>) => {
    const count = tileCount(form)
    return count === 1
      ? tiles
      : Stream.grouped(tiles, count).pipe(
          Stream.filter((group) => group.length === count),
          Stream.map((group) => stackTiles([...group], source)),
        )
  }
  const known = {
    keyframes: source.indexedBy === "packets" ? (source.keyframes ?? []) : [],
    firstPts: framePts[0] ?? 0,
    timeBase,
  }
  /** From a key frame, or the start of the file. */
  const inputFrom = (keyframe: KeyPacket | undefined): FfmpegInput => {
    if (keyframe === undefined) return { file, streamIndex, untimedFrames: source.untimedFrames }
    return { file, streamIndex, from: { keyframe, timeBase } }
  }
  const places =
    isNalCodec(stream.codec) && known.keyframes.length > 0
      ? yield* packetPlaces(
          program,
          { file, streamIndex },
          gopsOf(known, all).map((gop) => rangeOf(known, gop)),
        )
      : []
  const fd = yield* Effect.acquireRelease(
    Effect.try({
      try: () => (places.length === 0 ? undefined : openSync(file, "r")),
      catch: (cause) =>
        new VideoError({ reason: "NotReadable", file, message: `${file} ${whyUnreadable(cause)}`, cause }),
    }),
    (opened) => Effect.sync(() => opened !== undefined && closeSync(opened)),
  )

  /** The pictures with exactly these PTS, as many of the first as come out. */
  const exact = (
    run: Pick<FfmpegCommand, "args" | "stdin">,
    pts: ReadonlyArray<number>,
    onComplaint?: () => void,
  ) => {
    const pictures = inPieces(ffmpegBytes({ ...program, file, ...run }, onComplaint), tileBytes(form)).pipe(
      Stream.mapEffect(encoded, { concurrency: isLarge(...form.size) ? 1 : ENCODING }),
      inPictures,
      Stream.zipWithIndex,
      Stream.flatMap(([data, i]) => {
        const at = pts[i]
        return at === undefined ? Stream.empty : Stream.succeed({ pts: at, data } satisfies Picture)
      }),
    )
    return onceMoreIfKilled(Stream.runCollect(pictures))
  }

  const fromFile = (from: KeyPacket | undefined, pts: ReadonlyArray<number>) => ({
    args: pictureArguments(inputFrom(from), pts, form),
  })

  /** From a file of just what these groups' wanted pictures depend on; `undefined` if there can be none. */
  const fromExcerpt = (gops: ReadonlyArray<Gop>) => {
    if (fd === undefined) return undefined
    const parts = gops.map((gop) => partOf(known, gop, places))
    const bytes = parts.flatMap(({ packets }) => packets).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    const excerpt = bytes > MOST_READ_BYTES ? undefined : excerptOf({ ...stream, fd }, parts)
    const stdin = excerpt === undefined ? undefined : bytesOf(fd, excerpt)
    if (excerpt === undefined || stdin === undefined) return undefined
    const times = gops.flatMap(({ wanted }) => wanted).map(excerpt.timeOf)
    return { args: pictureArguments(EXCERPT, times, form), stdin }
  }

  /** PTS of what decodes near these PTS: from some groups before them, or anywhere. */
  const decodable = Effect.fnUntraced(function* (from: KeyPacket | undefined, lastPts: number) {
    const after =
      framePts[Math.min(framePts.length - 1, nearestFrame(framePts, { num: 1, den: 1 }, lastPts) + 64)]
    for (const end of [(after ?? lastPts) + 1, undefined]) {
      const input = inputFrom(from)
      const { stdout } = yield* run(program, file, timesArguments(input, undefined, end))
      const found = readTimes(stdout.split("\n")).toSorted((a, b) => a - b)
      if (found.length > 0) return found
    }
    return []
  })

  /** The pictures with exactly these PTS, or `undefined` if some are missing: then none of them is certain. */
  const allOf = Effect.fnUntraced(function* (
    run: Pick<FfmpegCommand, "args" | "stdin">,
    wanted: ReadonlyArray<number>,
  ) {
    let isDamaged = false
    const pictures = yield* exact(run, wanted, () => {
      isDamaged = true
    })
    const answers = [...pictures].map((picture): Answer => ({ wantedPts: picture.pts, picture }))
    return { isDamaged, answers: answers.length === wanted.length ? answers : undefined }
  })

  /** The nearest frames that come out from a key frame on; none if they cannot be had for all that is wanted. */
  const nearestFrom = Effect.fnUntraced(function* (
    from: KeyPacket | undefined,
    wanted: ReadonlyArray<number>,
  ) {
    const { answers } = yield* allOf(fromFile(from, wanted), wanted)
    if (answers !== undefined) return answers
    const found = yield* decodable(from, wanted.at(-1) ?? 0)
    const nearest = wanted.map((pts) => found[nearestFrame(found, { num: 1, den: 1 }, pts)] ?? pts)
    const different = [...new Set(nearest)]
    const pictures = found.length === 0 ? [] : [...(yield* exact(fromFile(from, different), different))]
    const byPts = new Map(pictures.map((picture) => [picture.pts, picture]))
    const substituted = wanted.flatMap((wantedPts, i): ReadonlyArray<Answer> => {
      const picture = byPts.get(nearest[i] ?? wantedPts)
      return picture === undefined ? [] : [{ wantedPts, picture }]
    })
    return substituted.length === wanted.length ? substituted : []
  })

  const answersOf = Effect.fnUntraced(function* ({ choice, from, gops, wanted }: DecodeStep) {
    if (choice === "nearest") return yield* nearestFrom(from, wanted)
    const excerpt = gops.length > 0 ? fromExcerpt(gops) : undefined
    if (gops.length > 1 && excerpt === undefined) return []
    const { answers = [], isDamaged } = yield* allOf(excerpt ?? fromFile(from, wanted), wanted)
    return isDamaged ? [] : answers
  })

  return Effect.fnUntraced(function* <R>(
    wanted: ReadonlyArray<number>,
    onAnswer: (answer: Answer) => Effect.Effect<void, VideoError, R>,
  ) {
    const ladder = decodeLadder(
      { ...known, wantedPts: wanted, packetsTrusted: source.indexedBy === "packets" },
      RUN_UPS,
    )
    let next = ladder.next()
    while (next.done !== true) {
      const answers = yield* answersOf(next.value)
      yield* Effect.forEach(answers, onAnswer, { discard: true })
      next = ladder.next(answers.length)
    }
    if (!next.value) yield* new VideoError({ reason: "DecodeFailed", file, message: nothingDecodes(file) })
  })
})
