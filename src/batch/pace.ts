import type { StageLabel } from "../stages/Stage.ts"

/** How fast a batch gets on: what its stages take, and how much was done when. Times are milliseconds of one clock. */
export interface Pace {
  /** Time spent in stages of which nothing was kept, and how many there were, by name. */
  readonly stages: Readonly<Record<string, { readonly ms: number; readonly count: number }>>
  /** Work done since the start, in videos: a video halfway through counts as 0.5. In order of time. */
  readonly samples: ReadonlyArray<{ readonly atMs: number; readonly videos: number }>
  /** When most was done, and how much that was. */
  readonly moved: { readonly atMs: number; readonly videos: number }
}

export const noPace: Pace = {
  stages: {},
  samples: [],
  moved: { atMs: 0, videos: 0 },
}

/** Only the recent past says how it will go on: limits and loads change over days. */
const windowMs = 15 * 60_000
const sampleEveryMs = 1000
const enoughMs = 5000
const enoughVideos = 0.02

export const stageTook = (pace: Pace, stage: string, ms: number): Pace => {
  const { ms: sum, count } = pace.stages[stage] ?? { ms: 0, count: 0 }
  return { ...pace, stages: { ...pace.stages, [stage]: { ms: sum + ms, count: count + 1 } } }
}

/** Which part of the work on a video each of the stages that run is, by name; together 1. */
export const shares = (pace: Pace, stages: ReadonlyArray<StageLabel>): ReadonlyMap<string, number> => {
  const meanOf = ({ name }: StageLabel) => {
    const taken = pace.stages[name]
    return taken && taken.ms / taken.count
  }
  const known = stages.filter((stage) => meanOf(stage) !== undefined)
  const knownMs = known.reduce((sum, stage) => sum + (meanOf(stage) ?? 0), 0)
  const knownWeight = known.reduce((sum, { weight }) => sum + weight, 0)
  const unitMs = knownMs > 0 ? knownMs / knownWeight : 1
  const parts = stages.map((stage) => ({
    name: stage.name,
    ms: (knownMs > 0 ? meanOf(stage) : undefined) ?? stage.weight * unitMs,
  }))
  const whole = parts.reduce((sum, { ms }) => sum + ms, 0)
  return new Map(parts.map(({ name, ms }) => [name, ms / whole]))
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
