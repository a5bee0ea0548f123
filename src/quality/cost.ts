import type { FinishedVideo } from "../dataset/open.ts"
import { ratio } from "./tally.ts"

/** What one video took. */
export interface VideoCost {
  readonly durationSec: number
  /** US dollars; null if it is not known. */
  readonly costUsd: number | null
  readonly tokens: number
  /** Seconds that models took to answer, all calls added up. */
  readonly modelSeconds: number
}

/** What a run took, and per hour of video. */
export interface RunCost {
  readonly videoHours: number
  /** US dollars; null if that of any video is not known. */
  readonly costUsd: number | null
  readonly tokens: number
  /** Seconds that models took to answer, all calls added up. */
  readonly modelSeconds: number
  readonly costUsdPerVideoHour: number | null
  readonly tokensPerVideoHour: number
  readonly modelSecondsPerVideoHour: number
}

/** What is on record for a finished video; rejected replies count. */
export const videoCost = ({ durationSec, summary }: FinishedVideo): VideoCost => {
  const { borders, stage1, stage2, stage3, totals } = summary
  const parts = [...(borders?.levels ?? []), ...(stage3?.steps ?? [])]
  const calls = [stage1, stage2, ...parts].flatMap((outcome) => outcome?.calls ?? [])
  return {
    durationSec,
    costUsd: totals?.cost_usd ?? null,
    tokens: (totals?.prompt_tokens ?? 0) + (totals?.completion_tokens ?? 0),
    modelSeconds: calls.reduce((all, { latency_ms }) => all + latency_ms / 1000, 0),
  }
}

/** Adds up what videos took. */
export const runCost = (videos: ReadonlyArray<VideoCost>): RunCost => {
  const sum = (figure: (video: VideoCost) => number) => videos.reduce((all, video) => all + figure(video), 0)
  const videoHours = sum(({ durationSec }) => durationSec / 3600)
  const isKnown = videos.every(({ costUsd }) => costUsd !== null)
  const costUsd = isKnown ? sum((video) => video.costUsd ?? 0) : null
  const tokens = sum((video) => video.tokens)
  const modelSeconds = sum((video) => video.modelSeconds)
  return {
    videoHours,
    costUsd,
    tokens,
    modelSeconds,
    costUsdPerVideoHour: costUsd === null ? null : ratio(costUsd, videoHours),
    tokensPerVideoHour: ratio(tokens, videoHours),
    modelSecondsPerVideoHour: ratio(modelSeconds, videoHours),
  }
}
