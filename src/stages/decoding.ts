import { Effect } from "effect"
import type { Progress } from "../dataset/summary.ts"
import { clockJumps } from "../video/sampling.ts"
import { damageText, leftOutText, ptsSeconds, untimedText, VideoDecoder } from "../video/VideoDecoder.ts"
import { type FramePool, substitutes } from "./pool-plan.ts"
import { notice, type VideoRun } from "./run.ts"

type Decoding = NonNullable<Progress["decoding"]>

const nothing: Decoding = { hand_overs: [], substituted_frames: {} }

/**
 * Changes what is on record of decoding, unless `to` gives nothing, as where it is on record already. That is decided while nobody
 * else changes it: steps of a video are worked on at the same time.
 *
 * @returns whether it was changed, and so has to be told
 */
const change = (run: VideoRun, to: (decoding: Decoding) => Decoding | undefined) =>
  Effect.gen(function* () {
    // What is on record by now stays there: nothing is written for it.
    const { decoding: present = nothing } = yield* run.summary.progress
    if (to(present) === undefined) return false
    let isChanged = false
    yield* run.summary.update((progress) => {
      const decoding = to(progress.decoding ?? nothing)
      isChanged = decoding !== undefined
      return decoding === undefined ? progress : { ...progress, decoding }
    })
    return isChanged
  })

/** Tells and records which of this video's files fell back from one decoder to another. Each fallback is told once. */
export const noteFallbacks = Effect.fn("Run.fallbacks")(function* (run: VideoRun) {
  const { fallbacks } = yield* VideoDecoder
  if (fallbacks === undefined) return
  for (const { file, from, to, error } of yield* fallbacks) {
    const folder = `${run.folder.location}/`
    if (file !== run.source.file && !file.startsWith(folder)) continue
    const entry = {
      file: file.startsWith(folder) ? file.slice(folder.length) : file,
      from,
      to,
      reason: error.reason,
      message: error.message,
    }
    const isNew = yield* change(run, (before) =>
      before.hand_overs.some((one) => one.file === entry.file && one.from === from && one.to === to)
        ? undefined
        : { ...before, hand_overs: [...before.hand_overs, entry] },
    )
    if (isNew) yield* notice(run, `decoded with ${to} instead of ${from} (${error.reason}): ${error.message}`)
  }
})

/** Tells and records which frames have no place because their times go back or are not there, and where the clock of the video jumps. */
export const noteTimes = Effect.fn("Run.times")(function* (run: VideoRun) {
  const { framePts, leftOut, timeBase, untimedFrames } = run.source
  const secondsAt = (position: number) => ptsSeconds(framePts[position] ?? 0, timeBase)
  const jumps = clockJumps(framePts, timeBase).map((i) => ({
    from_sec: secondsAt(i),
    to_sec: secondsAt(i + 1),
  }))
  const noted = {
    ...(leftOut === undefined
      ? {}
      : {
          left_out_frames: {
            frames: leftOut.frames,
            total: leftOut.frames + framePts.length,
            after_sec: ptsSeconds(leftOut.afterPts, timeBase),
            at_sec: ptsSeconds(leftOut.pts, timeBase),
          },
        }),
    ...(untimedFrames === undefined ? {} : { untimed_frames: untimedFrames }),
    ...(jumps.length === 0 ? {} : { clock_jumps: jumps }),
  }
  const isNew = yield* change(run, (before) => {
    const { clock_jumps, left_out_frames, untimed_frames } = before
    const isRecorded = [clock_jumps, left_out_frames, untimed_frames].some((one) => one !== undefined)
    return isRecorded || Object.keys(noted).length === 0 ? undefined : { ...before, ...noted }
  })
  if (!isNew) return
  if (untimedFrames !== undefined) yield* notice(run, untimedText(run.source, untimedFrames))
  if (leftOut !== undefined) yield* notice(run, leftOutText(run.source, leftOut))
  const [first] = jumps
  if (first === undefined) return
  const others = jumps.length === 1 ? "" : `, and ${jumps.length - 1} more such jumps`
  yield* notice(
    run,
    `the clock of the video jumps: nothing is shown between ${first.from_sec} s and ${first.to_sec} s${others}; frames are sampled as if the next one followed at once`,
  )
})

/** Tells and records which frames are damaged, as far as that is known. */
export const noteDamage = Effect.fn("Run.damage")(function* (run: VideoRun) {
  const { damagedPts, timeBase } = run.source
  if (damagedPts === undefined) return
  const damaged = damagedPts.map((pts) => ptsSeconds(pts, timeBase))
  const isNew = yield* change(run, (before) =>
    before.damaged_sec === undefined ? { ...before, damaged_sec: damaged } : undefined,
  )
  if (isNew) yield* notice(run, damageText(run.source, damagedPts))
})

/** Tells and records how many pictures of a pool stand in for frames that do not decode. `what` names the pool. */
export const noteSubstitutes = Effect.fn("Run.substitutes")(function* (
  run: VideoRun,
  what: string,
  pool: FramePool,
) {
  const count = substitutes(pool)
  const isNew = yield* change(run, (before) => {
    const { [what]: recorded = 0, ...others } = before.substituted_frames
    if (recorded === count) return undefined
    return { ...before, substituted_frames: count === 0 ? others : { ...others, [what]: count } }
  })
  if (!isNew || count === 0) return
  const frames = count === 1 ? "1 frame does" : `${count} frames do`
  yield* notice(
    run,
    `the video is damaged: ${frames} not decode; the nearest that does is used instead (${what})`,
  )
})
