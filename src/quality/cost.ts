import type { FinishedVideo } from "../dataset/open.ts"
import { ratio } from "./tally.ts"

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

const callsOf = ({ summary: { stage1, stage2, stage3 } }: FinishedVideo) =>
  [stage1, stage2, ...(stage3?.steps ?? [])].flatMap((outcome) => outcome?.calls ?? [])

/** Adds up what is on record for finished videos; rejected replies count. */
export const runCost = (videos: ReadonlyArray<FinishedVideo>): RunCost => {
  const sum = (figure: (video: FinishedVideo) => number) =>
    videos.reduce((all, video) => all + figure(video), 0)
  const videoHours = sum(({ durationSec }) => durationSec / 3600)
  const costs = videos.map(({ summary }) => summary.totals?.cost_usd ?? null)
  const costUsd = costs.includes(null) ? null : costs.reduce<number>((all, cost) => all + (cost ?? 0), 0)
  const tokens = sum(
    ({ summary: { totals } }) => (totals?.prompt_tokens ?? 0) + (totals?.completion_tokens ?? 0),
  )
  const modelSeconds = sum((video) =>
    callsOf(video).reduce((all, { latency_ms }) => all + latency_ms / 1000, 0),
  )
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
