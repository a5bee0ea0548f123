import { allStages, type StageNumber } from "../config.ts"

/** How fast a batch gets on: what its stages take, and how much was done when. Times are milliseconds of one clock. */
export interface Pace {
  /** Time spent in stages of which nothing was kept, and how many there were. */
  readonly stages: Readonly<Record<StageNumber, { readonly ms: number; readonly count: number }>>
  /** Work done since the start, in videos: a video halfway through counts as 0.5. In order of time. */
  readonly samples: ReadonlyArray<{ readonly atMs: number; readonly videos: number }>
  /** When most was done, and how much that was. */
  readonly moved: { readonly atMs: number; readonly videos: number }
}

export const noPace: Pace = {
  stages: { 1: { ms: 0, count: 0 }, 2: { ms: 0, count: 0 }, 3: { ms: 0, count: 0 } },
  samples: [],
  moved: { atMs: 0, videos: 0 },
}

/** What a stage takes beside the others as long as nothing is known: answers, one after the other. */
const assumed: Readonly<Record<StageNumber, number>> = { 1: 1, 2: 1, 3: 2 }

/** Only the recent past says how it will go on: limits and loads change over days. */
const windowMs = 15 * 60_000
const sampleEveryMs = 1000
const enoughMs = 5000
const enoughVideos = 0.02

export const stageTook = (pace: Pace, stage: StageNumber, ms: number): Pace => {
  const { ms: sum, count } = pace.stages[stage]
  return { ...pace, stages: { ...pace.stages, [stage]: { ms: sum + ms, count: count + 1 } } }
}

/** Which part of the work on a video each stage is; together 1 over the stages that run. */
export const shares = (
  pace: Pace,
  stages: ReadonlyArray<StageNumber>,
): Readonly<Record<StageNumber, number>> => {
  const known = allStages.filter((stage) => pace.stages[stage].count > 0)
  const meanOf = (stage: StageNumber) => pace.stages[stage].ms / pace.stages[stage].count
  const knownMs = known.reduce((sum, stage) => sum + meanOf(stage), 0)
  const knownAssumed = known.reduce((sum, stage) => sum + assumed[stage], 0)
  const unitMs = knownMs > 0 ? knownMs / knownAssumed : 1
  const weight = (stage: StageNumber) => {
    if (!stages.includes(stage)) return 0
    return knownMs > 0 && known.includes(stage) ? meanOf(stage) : assumed[stage] * unitMs
  }
  const whole = allStages.reduce((sum, stage) => sum + weight(stage), 0)
  return { 1: weight(1) / whole, 2: weight(2) / whole, 3: weight(3) / whole }
}

/** Notes how much is done by now. The sample before the window is kept: it is where the window begins. */
export const sampled = (before: Pace, atMs: number, videos: number): Pace => {
  const hasMoved = videos > before.moved.videos || before.samples.length === 0
  const pace = hasMoved ? { ...before, moved: { atMs, videos } } : before
  const last = pace.samples.at(-1)
  if (last !== undefined && atMs - last.atMs < sampleEveryMs) return pace
  const first = pace.samples.findLastIndex((sample) => sample.atMs <= atMs - windowMs)
  return { ...pace, samples: [...pace.samples.slice(Math.max(0, first)), { atMs, videos }] }
}

/**
 * Seconds until `left` videos are done, at the rate at which they were done up to the last that got on, less the time since
 * then; undefined while too little is known, and once the work should have been done.
 */
export const secondsLeft = (pace: Pace, nowMs: number, left: number): number | undefined => {
  if (left <= 0) return 0
  const { moved } = pace
  const from = pace.samples.findLast((sample) => sample.atMs <= moved.atMs - windowMs) ?? pace.samples[0]
  if (from === undefined) return undefined
  const ms = moved.atMs - from.atMs
  const videos = moved.videos - from.videos
  if (ms < enoughMs || videos < enoughVideos) return undefined
  const seconds = ((left * ms) / videos - (nowMs - moved.atMs)) / 1000
  return seconds > 0 ? seconds : undefined
}
