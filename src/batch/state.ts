import type { StopCause } from "../events.ts"
import type { FailedVideo } from "../output-root/failures.ts"
import type { StageLabel } from "../stages/Stage.ts"
import { noPace, type Pace, sampled } from "./pace.ts"
import type { Stall } from "./stall.ts"

/** A video that is being worked on. */
export interface ActiveVideo {
  readonly videoId: string
  readonly file: string
  readonly startedMs: number
  /** When something was last heard of it. */
  readonly lastMs: number
  /** What was last done. */
  readonly what: string
  readonly stage?: {
    readonly name: string
    readonly total: number
    readonly done: number
    /** Of those done, what an earlier run had done. */
    readonly kept: number
    readonly startedMs: number
  }
  readonly finishedStages: ReadonlyArray<{
    readonly name: string
    /** From 0 to 1: how much of it an earlier run had done. */
    readonly kept: number
  }>
}

export interface SlowVideo {
  readonly videoId: string
  readonly seconds: number
}

/** Something of a video that is doubtful; see `docs/reference/dataset.md`, "Flags". */
export interface FlaggedPart {
  readonly video_id: string
  readonly what: string
  readonly flag: string
  readonly why: string
}

/** What is known about a batch at one moment. Times are milliseconds of one clock that never goes back. */
export interface RunState {
  readonly startedMs: number
  readonly nowMs: number
  /** Those that run. */
  readonly stages: ReadonlyArray<StageLabel>
  /** How many videos there are; undefined where the input does not say. */
  readonly videos: number | undefined
  readonly done: number
  readonly failures: ReadonlyArray<FailedVideo>
  /** Seen, but not finished: another process has it, or it is tried again. */
  readonly postponed: ReadonlySet<string>
  /** Their requests are in a batch that is answered later. */
  readonly deferred: ReadonlySet<string>
  /** In the order in which they were begun. */
  readonly active: ReadonlyMap<string, ActiveVideo>
  /** Steps refined, without those an earlier run had refined. */
  readonly steps: number
  /** What videos that the batch went through have of doubtful parts, as it was told. */
  readonly flags: ReadonlyArray<FlaggedPart>
  readonly answers: number
  readonly rejected: number
  readonly promptTokens: number
  readonly completionTokens: number
  /** US dollars of the answers whose cost is known. */
  readonly costUsd: number
  readonly unpriced: number
  /** Tokens of answers that the service did not count, by estimate. They are not among the others. */
  readonly estimatedTokens: number
  /** Their cost in US dollars, as far as it is known. */
  readonly estimatedCostUsd: number
  /** When answers came in, of the last minute. */
  readonly answeredMs: ReadonlyArray<number>
  readonly load: {
    readonly inFlight: number
    readonly waiting: number
    readonly rpm: number | null
    readonly pausedMs: number
  }
  readonly stopping: StopCause | undefined
  readonly stall: Stall
  readonly slowest: ReadonlyArray<SlowVideo>
  /** Work done in this run on videos that are no longer active, in videos. */
  readonly finishedWork: number
  readonly pace: Pace
}

export const initialState = (stages: ReadonlyArray<StageLabel>, nowMs: number): RunState => ({
  startedMs: nowMs,
  nowMs,
  stages,
  videos: undefined,
  done: 0,
  failures: [],
  postponed: new Set(),
  deferred: new Set(),
  active: new Map(),
  steps: 0,
  flags: [],
  answers: 0,
  rejected: 0,
  promptTokens: 0,
  completionTokens: 0,
  costUsd: 0,
  unpriced: 0,
  estimatedTokens: 0,
  estimatedCostUsd: 0,
  answeredMs: [],
  load: { inFlight: 0, waiting: 0, rpm: null, pausedMs: 0 },
  stopping: undefined,
  stall: { movedMs: nowMs },
  slowest: [],
  finishedWork: 0,
  pace: sampled(noPace, nowMs, 0),
})
