import { Effect } from "effect"
import { endTrackAfter } from "../../bitstream/isobmff/edit-list.ts"
import { byCommandLine, isHuge } from "../../picture/picture-size.ts"
import { Attempt } from "../attempt.ts"
import { cutFor } from "../autorotate.ts"
import type { BackendCutter } from "../Backend.ts"
import type { CutBatch, CutRequest, CutResult, DecodedClip } from "../ClipCutter.ts"
import { COMPARED_FRAMES, COPIED_OTHERWISE } from "../copied.ts"
import { inMemory } from "../large-pictures.ts"
import { framesBetween } from "../sampling.ts"
import { VideoError } from "../VideoError.ts"
import {
  clipTimescale,
  copyArguments,
  decodeArguments,
  listArguments,
  listFramesArguments,
  reencodeArguments,
  seekSeconds,
} from "./cut-arguments.ts"
import { areAlike, type Listed, listedPackets } from "./framecrc.ts"

/** Cuts of one video that run at the same time. */
const CUTS_AT_ONCE = 2

const filesOf = ({ output, source }: CutRequest): ProgramFiles => ({ input: source.file, output })

const cutFailed = (request: CutRequest, why: string) =>
  new VideoError({
    reason: "CutFailed",
    file: request.source.file,
    message: `${request.source.file}: ${why}`,
  })

/** Frames or packets written, from the last report of `-progress`. */
const framesWritten = (run: Pick<ProgramRun, "stdout">): number =>
  Number(
    run.stdout
      .match(/^frame=\s*(\d+)$/gm)
      ?.at(-1)
      ?.replace(/\D/g, "") ?? 0,
  )

/** Whether to jump near a clip, in the order in which it is tried: not twice from the start of the file. */
const seeksOf = (request: CutRequest): ReadonlyArray<boolean> =>
  seekSeconds(request) === undefined ? [false] : [true, false]

/** What a finished run said. */
interface ProgramRun {
  readonly exitCode: number
  readonly stdout: string
  /** The last lines of the error output. */
  readonly tail: string
}

/** Files that a run of a program reads and writes. */
export interface ProgramFiles {
  readonly input: string
  /** Absent if it writes none. */
  readonly output?: string
}

/** Something that takes the arguments of `ffmpeg`. */
export interface CutterProgram {
  /** Name of the backend. */
  readonly backend: string
  /** Runs it. What it writes to `pipe:1` is `stdout`. */
  readonly run: (files: ProgramFiles, args: ReadonlyArray<string>) => Effect.Effect<ProgramRun, VideoError>
}

/** What a try at a clip gave: the PTS of its frames, and of a copy the first one's, at or before the wanted start. */
interface Made {
  readonly firstPts: number
  /** Frames in it, if they are known one by one. */
  readonly frames?: number
}

/** One try at a clip, in a file of its own; it becomes the clip if it `made` something. */
const attempt = <E>(
  request: CutRequest,
  make: (own: CutRequest) => Effect.Effect<Made | undefined, E>,
): Effect.Effect<Made | undefined, E | VideoError> =>
  Effect.acquireUseRelease(
    Effect.sync(() => new Attempt(request.output)),
    (own) =>
      Effect.tap(make({ ...request, output: own.path }), (made) =>
        made === undefined
          ? Effect.void
          : Effect.try({
              try: () => own.keep(),
              catch: (cause) =>
                cutFailed(
                  request,
                  `its clip is not there: ${cause instanceof Error ? cause.message : cause}`,
                ),
            }),
      ),
    (own) => Effect.ignore(Effect.try(() => own[Symbol.dispose]())),
  )

/** A cutter that has `ffmpeg` do the work. */
export const makeProgramCutter = ({ backend, run }: CutterProgram): BackendCutter => {
  const runWell = (request: CutRequest, args: ReadonlyArray<string>) =>
    run(filesOf(request), args).pipe(
      Effect.filterOrFail(
        (done) => done.exitCode === 0,
        (done) => cutFailed(request, `ffmpeg ended with code ${done.exitCode}: ${done.tail}`),
      ),
    )

  const encode = (request: CutRequest, wanted: ReadonlyArray<number>, seek: boolean) =>
    attempt(request, (own) =>
      Effect.map(runWell(own, reencodeArguments(own, wanted, seek)), (done): Made | undefined => {
        const { length: frames } = wanted
        const [firstPts] = wanted
        return firstPts !== undefined && framesWritten(done) === frames ? { firstPts, frames } : undefined
      }),
    )

  /** Frames that do not decode, not even from the start of the file, are left out. */
  const reencode = Effect.fnUntraced(function* (request: CutRequest, wanted: ReadonlyArray<number>) {
    for (const seek of seeksOf(request)) {
      const made = yield* encode(request, wanted, seek)
      if (made !== undefined) return made
    }
    const [listed] = listedPackets(yield* runWell(request, listFramesArguments(request)))
    const decoded = new Set(listed.map(({ pts }) => pts))
    const found = wanted.filter((pts) => decoded.has(pts))
    const made = found.length === 0 ? undefined : yield* encode(request, found, false)
    if (made !== undefined) return made
    return yield* cutFailed(request, "not one wanted frame decodes; the file is damaged there")
  })

  const copy = Effect.fnUntraced(function* (request: CutRequest) {
    const { startPts, endPts, source } = request
    const list = (seek: boolean, keysOnly: boolean) =>
      Effect.map(runWell(request, listArguments(request, seek, keysOnly)), listedPackets)
    const keyBefore = (packets: ReadonlyArray<Listed>) =>
      packets
        .map(({ pts }) => pts)
        .filter((pts) => pts >= (source.framePts[0] ?? 0) && pts <= startPts)
        .sort((a, b) => a - b)
        .at(-1)
    let seek = false
    let firstPts: number | undefined
    for (seek of seeksOf(request)) {
      firstPts = keyBefore((yield* list(seek, true))[0])
      if (firstPts !== undefined) break
    }
    const [video, audio] = yield* list(seek, false)
    const from = video.findIndex(({ pts }) => pts === firstPts)
    const to = video.findLastIndex(({ pts }) => pts < endPts) + 1
    if (firstPts === undefined || from < 0 || video.some(({ pts }) => Number.isNaN(pts)))
      return yield* cutFailed(
        request,
        "no key frame from which a copy could start; use the cut mode reencode",
      )
    const seconds = (pts: number) => (pts * source.timeBase.num) / source.timeBase.den
    const heard = audio.filter((packet) => packet.seconds < seconds(endPts))
    const unheard = heard.filter((packet) => packet.seconds < seconds(firstPts)).length
    const copied = framesBetween(source.framePts, firstPts, endPts)
    const timescale = clipTimescale(request, copied)
    const args = copyArguments(request, seek, firstPts, [from, to], [unheard, heard.length], timescale)
    const done = yield* run(filesOf(request), args)
    if (done.exitCode !== 0)
      return yield* cutFailed(
        request,
        `its streams (video ${source.codec}) cannot be copied into an MP4; use the cut mode reencode. ${done.tail}`,
      )
    // Frames at the end refer to packets that are shown after it.
    const ticks = Math.round(((endPts - firstPts) * source.timeBase.num * timescale) / source.timeBase.den)
    const later = video.slice(from, to).some(({ pts }) => pts >= endPts)
    if (later && !endTrackAfter(request.output, ticks))
      return yield* cutFailed(request, "the end of its copy cannot be set; use the cut mode reencode")
    return { firstPts } satisfies Made
  })

  /**
   * Whether a copy decodes as the source does: its first frames where the packets tell which frames they are, else all, and
   * from the start of the file where something is damaged.
   */
  const holds = Effect.fnUntraced(function* (copied: CutRequest, { firstPts }: Made) {
    const { endPts, output, source } = copied
    const frames = framesBetween(source.framePts, firstPts, endPts).length
    const trusted = source.indexedBy === "packets"
    const range = { ...copied, startPts: firstPts }
    const compare = Effect.fnUntraced(function* (seek: boolean, most: number | undefined) {
      const wanted = yield* run(filesOf(copied), listFramesArguments(range, { seek, most }))
      const found = yield* run({ input: output }, decodeArguments(output, most))
      const [list, given] = [listedPackets(wanted)[0], listedPackets(found)[0]]
      const isWhole = list.length === Math.min(frames, most ?? frames)
      return { isSame: isWhole && areAlike(list, given), isErrorFree: `${wanted.tail}${found.tail}` === "" }
    })
    const near = yield* compare(true, trusted ? COMPARED_FRAMES : undefined)
    const isWhole = !trusted && seekSeconds(range) === undefined
    if (isWhole || (near.isErrorFree && (trusted || near.isSame))) return near.isSame
    return (yield* compare(false, undefined)).isSame
  })

  const copyWell = Effect.fnUntraced(function* (own: CutRequest) {
    const made = yield* copy(own)
    return (yield* holds(own, made)) ? made : undefined
  })

  const cut = Effect.fn("ClipCutter.cut")(function* (asked: CutRequest) {
    const { source, startPts, endPts } = asked
    const { reason: notAsked = joinsNot(asked), ...how } = cutFor(asked, source)
    const request = { ...asked, ...how }
    const wanted = framesBetween(source.framePts, startPts, endPts)
    if (wanted.length === 0)
      return yield* cutFailed(request, `there is no frame from PTS ${startPts} to ${endPts}`)
    const isCopy = request.mode === "copy"
    const copied = isCopy ? yield* attempt(request, copyWell) : undefined
    const made = copied ?? (yield* reencode(request, wanted))
    const copies = copied !== undefined
    const reason = isCopy && !copies ? COPIED_OTHERWISE : notAsked
    const { firstPts } = made
    const frames = made.frames ?? framesBetween(source.framePts, firstPts, endPts).length
    const missing = copies ? 0 : wanted.length - frames
    return {
      frames,
      ...(missing > 0 ? { missingFrames: missing } : {}),
      firstPts,
      cutter: backend,
      mode: copies ? "copy" : "reencode",
      copiedFrames: copies ? frames : 0,
      ...(reason === undefined ? {} : { reason }),
    } satisfies CutResult
  })

  const cutAll = <E, R>(
    { clips, ...batch }: CutBatch,
    onClip: (result: CutResult, clip: number) => Effect.Effect<void, E, R>,
  ) => {
    const { source } = batch
    return Effect.forEach(
      clips,
      (range, place) =>
        cut({ ...batch, ...range }).pipe(
          inMemory(source.file, [source.codedWidth, source.codedHeight], byCommandLine),
          Effect.flatMap((result) => onClip(result, place)),
        ),
      {
        concurrency: isHuge(source.codedWidth, source.codedHeight) ? 1 : CUTS_AT_ONCE,
        discard: true,
      },
    )
  }

  const joinsNot = ({ mode }: CutRequest) =>
    mode === "smart" ? `the cutter ${backend} cannot join packets` : undefined

  const decode = Effect.fn("ClipCutter.decode")(function* (clip: string) {
    const done = yield* run({ input: clip }, decodeArguments(clip))
    const frames = listedPackets(done)[0].length
    const complaints = done.tail === "" ? 0 : done.tail.split("\n").length
    return { frames, complaints } satisfies DecodedClip
  })

  return { cut, cutAll, decode }
}
