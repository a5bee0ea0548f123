import { eta, videosLeft } from "../../batch/progress.ts"
import type { RunState } from "../../batch/state.ts"
import type { RunEvent } from "../../events.ts"
import { stageText } from "../../stages/list.ts"
import { printable } from "../../text/printable.ts"
import { count, duration, plural } from "../../text/quantity.ts"
import { rateText, spentItems } from "./frame.ts"
import { waitOf } from "./waiting.ts"

/** What is said of an event, as it came. */
const eventText = (event: RunEvent, verbose: boolean): string | ReadonlyArray<string> | undefined => {
  switch (event.type) {
    case "VideoStarted":
      return `${event.videoId}: started, ${event.file}`
    case "StageAdvanced":
      if (event.kept && !verbose) return undefined
      return `${event.videoId}: stage ${stageText(event.stage)}: ${event.what} ${event.kept ? "kept" : "done"}`
    case "AnswerRejected": {
      const [first = "", ...others] = event.problems
      const head = `${event.videoId}: stage ${stageText(event.stage)}: answer ${event.attempt} for the ${event.what} rejected`
      if (verbose) return [`${head}:`, ...event.problems.map((line) => `  ${line}`)]
      return `${head}: ${first}${others.length > 0 ? ` (and ${others.length} more)` : ""}`
    }
    case "StageFinished":
      return `${event.videoId}: stage ${stageText(event.stage)}: complete`
    case "Notice":
      return `${event.videoId}: ${event.message}`
    case "Flagged":
      return `${event.videoId}: ${event.what} is doubtful (${event.flag}): ${event.why}`
    case "VideoFinished":
      return `${event.videoId}: finished, ${event.folder}`
    case "VideoFailed": {
      const text = `error: ${event.videoId}: ${event.message}${event.willRetry ? " (tried once more later)" : ""}`
      // The message of a bug is its trace.
      return event.reason === "Defect" ? text.split("\n") : text
    }
    case "VideoPostponed":
      if (event.why === "deferred") return verbose ? `${event.videoId}: ${event.message}` : undefined
      return `${event.videoId}: postponed: ${event.message}`
    case "ModelSilent": {
      const step = event.step === null ? "" : `, step ${event.step}`
      return `${event.videoId}: no answer from the model for stage ${stageText(event.stage)}${step}, asked ${duration(event.unansweredMs / 1000)} ago (${event.since})`
    }
    case "BatchStopping":
      return event.cause === "asked"
        ? `stopping: calls in flight have ${event.graceSec} s to finish; a second Ctrl-C stops at once`
        : undefined
    case "StageStarted":
    case "BatchStarted":
    case "BatchFinished":
    case "AnswerReceived":
    case "ModelLoad":
      return undefined
  }
}

/**
 * One line for an event, or several; undefined for those that only move a bar or, unless `verbose`, say nothing new. A line break
 * in a name or a message does not make it look like another line.
 */
export const eventLine = (event: RunEvent, verbose: boolean): string | undefined => {
  const text = eventText(event, verbose)
  if (text === undefined) return undefined
  return typeof text === "string" ? printable(text) : text.map(printable).join("\n")
}

/** How a batch stands, in one line. */
export const progressLine = (state: RunState, nowMs: number): string => {
  const { videos, done, failures, active, steps } = state
  const left = videosLeft(state)
  const seconds = eta(state, nowMs)
  const wait = waitOf(state, nowMs)
  return [
    `progress: ${videos === undefined ? plural(done, "video") : `${count(done)} of ${plural(videos, "video")}`} done`,
    `${count(failures.length)} failed`,
    ...(left === undefined ? [] : [`${count(left)} left`]),
    `${count(active.size)} under way`,
    plural(steps, "step"),
    rateText(state, nowMs),
    ...spentItems(state),
    `${duration((nowMs - state.startedMs) / 1000)} so far`,
    ...(seconds === undefined || seconds === 0 ? [] : [`${duration(seconds)} to go`]),
    ...(wait === undefined ? [] : [printable(wait.text)]),
  ].join(", ")
}

/** What a person must not miss, however many lines there are. */
const isUrgent = (event: RunEvent): boolean => event.type === "VideoFailed" || event.type === "BatchStopping"

/** Lines that may come at once, and how many a second after that. */
const burst = 40
const perSecond = 2

export interface LineLimit {
  readonly allowance: number
  readonly atMs: number
  /** Lines held back since the last that told of it. */
  readonly heldBack: number
}

export const fullAllowance: LineLimit = { allowance: burst, atMs: 0, heldBack: 0 }

/**
 * Whether the line of an event is printed. Of a batch only what concerns whole videos is, and no more than a person or
 * a log can bear; failures always. With `verbose` everything is.
 */
export const admitLine = (
  limit: LineLimit,
  event: RunEvent,
  options: { readonly verbose: boolean; readonly isBatch: boolean; readonly nowMs: number },
): { readonly limit: LineLimit; readonly isShown: boolean } => {
  if (options.verbose || isUrgent(event)) return { limit, isShown: true }
  if (options.isBatch && (event.type === "StageAdvanced" || event.type === "StageFinished"))
    return { limit, isShown: false }
  const gained = ((options.nowMs - limit.atMs) / 1000) * perSecond
  const allowance = Math.min(burst, limit.allowance + gained)
  const next = { ...limit, atMs: options.nowMs }
  return allowance >= 1
    ? { limit: { ...next, allowance: allowance - 1 }, isShown: true }
    : { limit: { ...next, allowance, heldBack: limit.heldBack + 1 }, isShown: false }
}
