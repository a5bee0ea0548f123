import type { RunState } from "../../batch/state.ts"
import type { StopCause } from "../../events.ts"
import { stageText } from "../../stages/list.ts"
import { count, duration, plural } from "../../text/quantity.ts"

/** What a run may wait for. */
export const waitKinds = [
  "end",
  "pause",
  "answer",
  "rate_limit",
  "other_process",
  "batch",
  "decoding",
] as const

/** What a run waits for while nothing moves. */
export interface Wait {
  readonly kind: (typeof waitKinds)[number]
  /** How long it has waited by now, in seconds. */
  readonly seconds: number
  /** The video that waits longest, where it is one. */
  readonly videoId: string | null
  /** For people. */
  readonly text: string
}

/** Shorter than that nobody wonders. */
const worthSayingMs = 20_000
/** Silence is told again every 20 s; what is older is over. */
const silenceLastsMs = 30_000

const stoppingText: Readonly<Record<StopCause, string>> = {
  asked: "stopping: calls in flight are finished",
  failure: "stopping after a failure: calls in flight are finished",
  budget: "stopping, the budget is spent: calls in flight are finished",
}

/** `14:03:10 UTC`. */
const clock = (iso: string): string => `${iso.slice(11, 19)} UTC`

const oldest = (state: RunState) => [...state.active.values()].toSorted((a, b) => a.lastMs - b.lastMs)[0]

/** What the run waits for, and since when; undefined while it gets on. */
export const waitOf = (state: RunState, nowMs: number): Wait | undefined => {
  const { stall, load, stopping, postponed } = state
  const since = (ms: number) => ({ seconds: (nowMs - ms) / 1000, ago: duration((nowMs - ms) / 1000) })
  if (stopping !== undefined && stall.stoppingMs !== undefined) {
    const { seconds, ago } = since(stall.stoppingMs)
    return { kind: "end", seconds, videoId: null, text: `${stoppingText[stopping]}, for ${ago}` }
  }
  if (load.pausedMs > 0) {
    const { seconds, ago } = since(stall.pausedMs ?? nowMs)
    const text = `paused as the service asked: ${duration(load.pausedMs / 1000)} more, ${ago} so far`
    return { kind: "pause", seconds, videoId: null, text }
  }
  const { silence } = stall
  if (silence !== undefined && nowMs - silence.toldMs < silenceLastsMs) {
    const { seconds, ago } = since(silence.sentMs)
    const step = silence.step === null ? "" : `, step ${silence.step}`
    const where = `${silence.videoId}, stage ${stageText(silence.stage)}${step}`
    const text = `no answer for ${ago}: ${where}, asked at ${clock(silence.since)}`
    return { kind: "answer", seconds, videoId: silence.videoId, text }
  }
  if (stall.queuedMs !== undefined) {
    const { seconds, ago } = since(stall.queuedMs)
    const text = `${plural(load.waiting, "call")} held back for ${ago}: by the limits per minute`
    return { kind: "rate_limit", seconds, videoId: null, text }
  }
  if (stall.lockedMs !== undefined) {
    const { seconds, ago } = since(stall.lockedMs)
    const [first = null, ...more] = postponed
    const rest = more.length === 0 ? "" : ` and ${count(more.length)} more`
    const text = `waiting for ${ago} for another process to finish ${first}${rest}`
    return { kind: "other_process", seconds, videoId: first, text }
  }
  if (stall.deferredMs !== undefined) {
    const { seconds, ago } = since(stall.deferredMs)
    const text = `waiting for ${ago} for batches with the requests of ${plural(state.deferred.size, "video")}`
    return { kind: "batch", seconds, videoId: null, text }
  }
  const video = oldest(state)
  if (video === undefined || load.inFlight > 0 || nowMs - stall.movedMs < worthSayingMs) return undefined
  const { seconds, ago } = since(stall.movedMs)
  const stage = video.stage === undefined ? "" : `, stage ${stageText(video.stage.name)}`
  const text = `no call in flight; decoding or cutting for ${ago}: ${video.videoId}${stage}`
  return { kind: "decoding", seconds, videoId: video.videoId, text }
}
