import { rm } from "node:fs/promises"
import { Effect, Layer } from "effect"
import { ClipCutter, type CutBatch, type CutRequest, type CutResult } from "../ClipCutter.ts"
import { endTrackAfter, timescaleFor } from "../edit-list.ts"
import { VideoError } from "../VideoError.ts"
import { copyArguments, listArguments, reencodeArguments } from "./ffmpeg-arguments.ts"
import { type FfmpegRun, runFfmpeg } from "./ffmpeg-process.ts"
import { Ffmpeg, type FfmpegProgram } from "./ffmpeg-program.ts"

const BACKEND = "ffmpeg"
/** Cuts of one video that run at the same time. */
const CUTS_AT_ONCE = 2

const cutFailed = (request: CutRequest, why: string) =>
  new VideoError({
    reason: "CutFailed",
    file: request.source.file,
    message: `${request.source.file}: ${why}`,
  })

/** Frames or packets written, from the last report of `-progress`. */
const framesWritten = (run: Pick<FfmpegRun, "stdout">): number =>
  Number(
    run.stdout
      .match(/^frame=\s*(\d+)$/gm)
      ?.at(-1)
      ?.replace(/\D/g, "") ?? 0,
  )

/** One line of a packet list. */
interface ListedPacket {
  readonly seconds: number
  readonly pts: number
}

/** Packets of a `framecrc` list, by stream: video first. */
const listedPackets = ({
  stdout,
}: Pick<FfmpegRun, "stdout">): readonly [Array<ListedPacket>, Array<ListedPacket>] => {
  const timeBases = new Map<string, number>()
  const streams: readonly [Array<ListedPacket>, Array<ListedPacket>] = [[], []]
  for (const line of stdout.split("\n")) {
    const [, stream, num, den] = /^#tb (\d+): (\d+)\/(\d+)$/.exec(line) ?? []
    if (stream !== undefined) timeBases.set(stream, Number(num) / Number(den))
    if (line === "" || line.startsWith("#")) continue
    const [index = "0", , text] = line.split(",").map((field) => field.trim())
    // A time that is not set is printed as the smallest 64-bit integer.
    const pts = Number.isSafeInteger(Number(text)) ? Number(text) : Number.NaN
    streams[index === "0" ? 0 : 1].push({ pts, seconds: pts * (timeBases.get(index) ?? 0) })
  }
  return streams
}

/** Something that takes the arguments of `ffmpeg`. */
export interface CutterProgram {
  readonly backend: string
  readonly available: Effect.Effect<void, VideoError>
  /** Runs it for a request. What it writes to `pipe:1` is `stdout`. */
  readonly run: (
    request: CutRequest,
    args: ReadonlyArray<string>,
  ) => Effect.Effect<Pick<FfmpegRun, "exitCode" | "stdout" | "tail">, VideoError>
}

/** A cutter that has `ffmpeg` do the work. */
export const makeProgramCutter = ({ backend, available, run }: CutterProgram): ClipCutter["Type"] => {
  const runWell = (request: CutRequest, args: ReadonlyArray<string>) =>
    run(request, args).pipe(
      Effect.filterOrFail(
        (done) => done.exitCode === 0,
        (done) => cutFailed(request, `ffmpeg ended with code ${done.exitCode}: ${done.tail}`),
      ),
    )

  const reencode = Effect.fnUntraced(function* (request: CutRequest, wanted: ReadonlyArray<number>) {
    for (const seek of [true, false]) {
      const done = yield* runWell(request, reencodeArguments(request, wanted, seek))
      if (framesWritten(done) === wanted.length) return wanted[0] ?? request.startPts
    }
    return yield* cutFailed(request, "not every wanted frame decodes; the file is damaged there")
  })

  const copy = Effect.fnUntraced(function* (request: CutRequest) {
    const { startPts, endPts, source } = request
    const list = (seek: boolean, keysOnly: boolean) =>
      Effect.map(runWell(request, listArguments(request, seek, keysOnly)), listedPackets)
    const keyBefore = (packets: ReadonlyArray<ListedPacket>) =>
      packets
        .map(({ pts }) => pts)
        .filter((pts) => pts >= (source.framePts[0] ?? 0) && pts <= startPts)
        .sort((a, b) => a - b)
        .at(-1)
    const sought = keyBefore((yield* list(true, true))[0])
    const seek = sought !== undefined
    const firstPts = sought ?? keyBefore((yield* list(false, true))[0])
    const [video, audio] = yield* list(seek, false)
    const from = video.findIndex(({ pts }) => pts === firstPts)
    const to = video.findLastIndex(({ pts }) => pts < endPts) + 1
    if (firstPts === undefined || from < 0 || video.some(({ pts }) => Number.isNaN(pts)))
      return yield* cutFailed(request, "no keyframe from which a copy could start; use the cut mode reencode")
    const seconds = (pts: number) => (pts * source.timeBase.num) / source.timeBase.den
    const heard = audio.filter((packet) => packet.seconds < seconds(endPts))
    const unheard = heard.filter((packet) => packet.seconds < seconds(firstPts)).length
    const args = copyArguments(request, seek, firstPts, [from, to], [unheard, heard.length])
    const done = yield* run(request, args)
    if (done.exitCode !== 0)
      return yield* cutFailed(
        request,
        `its streams (video ${source.codec}) cannot be copied into an MP4; use the cut mode reencode. ${done.tail}`,
      )
    // Frames at the end refer to packets that are shown after it.
    const ticks =
      ((endPts - firstPts) * source.timeBase.num * timescaleFor(source.timeBase)) / source.timeBase.den
    const later = video.slice(from, to).some(({ pts }) => pts >= endPts)
    if (later && !endTrackAfter(request.output, ticks))
      return yield* cutFailed(request, "the end of its copy cannot be set; use the cut mode reencode")
    return firstPts
  })

  const cut = Effect.fn("ClipCutter.cut")(function* (request: CutRequest) {
    const { source, startPts, endPts } = request
    const wanted = source.framePts.filter((pts) => pts >= startPts && pts < endPts)
    if (wanted.length === 0)
      return yield* cutFailed(request, `there is no frame from PTS ${startPts} to ${endPts}`)
    const remove = Effect.ignore(Effect.tryPromise(() => rm(request.output, { force: true })))
    const copies = request.mode === "copy"
    const firstPts = yield* (copies ? copy(request) : reencode(request, wanted)).pipe(
      Effect.onError(() => remove),
    )
    const frames = source.framePts.filter((pts) => pts >= firstPts && pts < endPts).length
    return {
      frames,
      firstPts,
      cutter: backend,
      mode: copies ? "copy" : "reencode",
      copiedFrames: copies ? frames : 0,
      ...(request.mode === "smart" ? { reason: `the cutter ${backend} cannot join packets` } : {}),
    } satisfies CutResult
  })

  const cutAll = <E, R>(
    { clips, ...batch }: CutBatch,
    onClip: (result: CutResult, clip: number) => Effect.Effect<void, E, R>,
  ) =>
    Effect.forEach(
      clips,
      (range, place) => Effect.flatMap(cut({ ...batch, ...range }), (result) => onClip(result, place)),
      { concurrency: CUTS_AT_ONCE, discard: true },
    )

  return ClipCutter.of({ backend, available, cut, cutAll })
}

const make = (program: FfmpegProgram) => {
  const available = runFfmpeg({ ...program, args: ["-version"], file: "" }).pipe(
    Effect.filterOrFail(
      (done) => done.exitCode === 0,
      (done) =>
        new VideoError({
          reason: "BackendUnavailable",
          file: "",
          message: `the program "${program.bin}" does not answer as ffmpeg does: ${done.tail}`,
        }),
    ),
    Effect.asVoid,
  )

  return makeProgramCutter({
    backend: BACKEND,
    available,
    run: (request, args) => runFfmpeg({ ...program, args, file: request.source.file }),
  })
}

/** Cuts with an ffmpeg program. Same frames and times as the other cutters; the encoder's version is the program's. */
export const layer: Layer.Layer<ClipCutter, never, Ffmpeg> = Layer.effect(
  ClipCutter,
  Effect.map(Ffmpeg, make),
)
