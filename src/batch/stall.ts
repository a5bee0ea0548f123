import type { RunEvent } from "../events.ts"

/** What is known of why a run does not get on. Times are milliseconds of one clock that never goes back. */
export interface Stall {
  /** When something was last done. */
  readonly movedMs: number
  /** The call that has waited longest for an answer, while nothing comes from the model. */
  readonly silence?: {
    readonly videoId: string
    readonly stage: string
    readonly step: number | null
    /** When it was sent: ISO 8601, UTC. */
    readonly since: string
    readonly sentMs: number
    readonly toldMs: number
  }
  /** Since when the service is not asked because it wants a rest. */
  readonly pausedMs?: number
  /** Since when calls wait although none is under way: for the limits of calls and tokens per minute. */
  readonly queuedMs?: number
  /** Since when nothing is left but videos that other processes work on. */
  readonly lockedMs?: number
  /** Since when nothing is left but videos whose requests are in a batch. */
  readonly deferredMs?: number
  /** Since when the run is about to end. */
  readonly stoppingMs?: number
}

/** Without the keys that are undefined: the time at which something began is kept for as long as it lasts. */
const lasting = (isSo: boolean, since: number | undefined, nowMs: number): number | undefined =>
  isSo ? (since ?? nowMs) : undefined

const withSince = (
  stall: Stall,
  key: "pausedMs" | "queuedMs" | "lockedMs" | "deferredMs",
  since: number | undefined,
): Stall => {
  const { [key]: _before, ...rest } = stall
  return since === undefined ? rest : { ...rest, [key]: since }
}

const withoutSilence = ({ silence: _silence, ...rest }: Stall): Stall => rest

/**
 * What is known after an event.
 *
 * @param left whether only videos are left that other processes work on, or that are answered later
 */
export const stallAfter = (
  stall: Stall,
  event: RunEvent,
  nowMs: number,
  left: Readonly<Record<"lockedMs" | "deferredMs", boolean>>,
): Stall => {
  const since = (key: "lockedMs" | "deferredMs") => lasting(left[key], stall[key], nowMs)
  const here = withSince(withSince(stall, "lockedMs", since("lockedMs")), "deferredMs", since("deferredMs"))
  switch (event.type) {
    case "ModelSilent": {
      const { videoId, stage, step, since, unansweredMs } = event
      return {
        ...here,
        silence: { videoId, stage, step, since, sentMs: nowMs - unansweredMs, toldMs: nowMs },
      }
    }
    case "ModelLoad": {
      const paused = lasting(event.pausedMs > 0, stall.pausedMs, nowMs)
      const isQueued = event.pausedMs === 0 && event.inFlight === 0 && event.waiting > 0
      const queued = lasting(isQueued, stall.queuedMs, nowMs)
      const next = withSince(withSince(here, "pausedMs", paused), "queuedMs", queued)
      return event.inFlight === 0 ? withoutSilence(next) : next
    }
    case "AnswerReceived":
      return event.recalled ? here : { ...withoutSilence(here), movedMs: nowMs }
    case "BatchStopping":
      return { ...here, stoppingMs: nowMs }
    case "Notice":
    case "Flagged":
    case "BatchStarted":
      return here
    case "BatchFinished":
      return { movedMs: nowMs }
    case "VideoStarted":
    case "StageStarted":
    case "StageAdvanced":
    case "StageFinished":
    case "AnswerRejected":
    case "VideoFinished":
    case "VideoFailed":
    case "VideoPostponed":
      return { ...here, movedMs: nowMs }
  }
}
