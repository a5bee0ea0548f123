import { Format } from "cli-progress"
import { answersPerMinute, eta, videosLeft, workUnderWay } from "../../batch/progress.ts"
import type { ActiveVideo, RunState } from "../../batch/state.ts"
import { stageText } from "../../stages/list.ts"
import { printable } from "../../text/printable.ts"
import { compact, count, dollars, duration, plural } from "../../text/quantity.ts"
import { clip, fit, flow, padded } from "./text.ts"
import { waitOf } from "./waiting.ts"

/** A bar of `size` columns, `progress` from 0 to 1. */
const bar = (progress: number, size: number): string =>
  Format.BarFormat(Math.min(1, Math.max(0, progress)), {
    barsize: size,
    barCompleteString: "\u2588".repeat(size),
    barIncompleteString: "\u2591".repeat(size),
    barGlue: "",
  })

const between = (low: number, value: number, high: number): number =>
  Math.max(low, Math.min(high, Math.floor(value)))

/** Tokens and cost, as far as they are known; what the service did not count is there by estimate, and said to be. */
export const spentItems = (state: RunState): ReadonlyArray<string> => {
  const { promptTokens, completionTokens, costUsd, unpriced, answers } = state
  const { estimatedTokens, estimatedCostUsd } = state
  const tokens = promptTokens + completionTokens + estimatedTokens
  if (tokens === 0) return []
  const about = estimatedTokens > 0 ? "about " : ""
  const isUnknown = unpriced === answers
  const least = unpriced > 0 ? "more than " : about
  const cost = isUnknown ? "cost not known" : `${least}${dollars(costUsd + estimatedCostUsd)}`
  const estimate = estimatedTokens === 0 ? "" : ` (${compact(estimatedTokens)} by estimate)`
  return [`${about}${compact(tokens)} tokens${estimate}`, cost]
}

const etaText = (state: RunState, nowMs: number): string => {
  const seconds = eta(state, nowMs)
  return seconds === undefined || seconds === 0 ? "" : `${duration(seconds)} to go`
}

const videosItems = (state: RunState, nowMs: number, columns: number): ReadonlyArray<string> => {
  const { videos, done, failures } = state
  const left = videosLeft(state)
  const failed = `${count(failures.length)} failed`
  if (videos === undefined || left === undefined) return [`${plural(done, "video")} done`, failed]
  const progress = videos === 0 ? 0 : (done + failures.length + workUnderWay(state)) / videos
  return [
    `${bar(progress, between(8, columns / 4, 40))} ${Math.floor(progress * 100)}%`,
    `${count(done)} of ${plural(videos, "video")} done`,
    failed,
    `${count(left)} left`,
    etaText(state, nowMs),
  ]
}

/** Calls per minute, and how many are allowed, where that is known. */
export const rateText = (state: RunState, nowMs: number): string => {
  const { rpm } = state.load
  const limit = rpm === null ? "" : ` of ${count(Math.floor(rpm))}`
  return `${count(Math.round(answersPerMinute(state, nowMs)))}${limit} calls/min`
}

const workItems = (state: RunState, nowMs: number): ReadonlyArray<string> => {
  const { load, steps } = state
  return [
    plural(steps, "step"),
    rateText(state, nowMs),
    load.inFlight === 0 ? "" : `${count(load.inFlight)} in flight`,
    ...spentItems(state),
    `${duration((nowMs - state.startedMs) / 1000)} so far`,
    printable(waitOf(state, nowMs)?.text ?? ""),
  ]
}

const stageColumns = 10
const countColumns = 5
const ageColumns = 6
const whatColumns = 40

/** One video: name, stage, how far it is, what was last done and how long ago. What does not fit is left out. */
const videoLine = (video: ActiveVideo, nowMs: number, columns: number): string => {
  const { stage } = video
  const where =
    stage !== undefined ? stageText(stage.name) : video.finishedStages.length > 0 ? "finishing" : "opening"
  const nameColumns = between(8, columns * 0.34, 48)
  const barColumns = columns < 56 ? 0 : between(6, columns / 8, 24)
  const done = stage === undefined ? "" : `${stage.done}/${stage.total}`
  const progress = stage === undefined || stage.total === 0 ? 0 : stage.done / stage.total
  const parts = [
    fit(printable(video.videoId), nameColumns),
    fit(where, stageColumns),
    ...(barColumns === 0 ? [] : [bar(progress, barColumns)]),
    done.padStart(countColumns),
  ]
  const used = nameColumns + 1 + stageColumns + 1 + (barColumns === 0 ? 0 : barColumns + 1) + countColumns
  const room = Math.min(whatColumns, columns - used - 2 - ageColumns - 1)
  const age = duration((nowMs - video.lastMs) / 1000).padStart(ageColumns)
  const tail = room < 8 ? "" : `  ${padded(clip(printable(video.what), room), room)} ${age}`
  return clip(`${parts.join(" ")}${tail}`, columns).trimEnd()
}

/** How much of a screen is left to what was printed before. */
const rowsAbove = (rows: number): number => (rows < 12 ? 1 : 3)

interface Size {
  readonly columns: number
  readonly rows: number
}

/** The last column stays free: some terminals go on to the next row once it is taken. */
const usable = ({ columns }: Size): number => Math.max(10, columns - 1)

/** Whether there is anything to show. */
const hasBegun = ({ videos, active, done }: RunState): boolean =>
  videos !== undefined || active.size > 0 || done > 0

/** How the batch stands, in as few lines as the width allows. */
export const headerLines = (state: RunState, nowMs: number, size: Size): ReadonlyArray<string> => {
  const columns = usable(size)
  const room = Math.max(1, size.rows - rowsAbove(size.rows))
  if (!hasBegun(state)) return []
  return [
    ...flow(videosItems(state, nowMs, columns), columns),
    ...flow(workItems(state, nowMs), columns),
  ].slice(0, Math.ceil(room / 2))
}

/**
 * The display at one moment: how the batch stands, then a line for each video that is worked on, as many as there is
 * room for. No line takes more than `columns` - 1 columns, and there are fewer than `rows` of them.
 */
export const frameLines = (state: RunState, nowMs: number, size: Size): ReadonlyArray<string> => {
  const columns = usable(size)
  const header = headerLines(state, nowMs, size)
  const room = Math.max(1, size.rows - rowsAbove(size.rows))
  const active = [...state.active.values()]
  const fitting = room - header.length
  const shown = active.length <= fitting ? active.length : Math.max(0, fitting - 1)
  const hidden = active.length - shown
  return [
    ...header,
    ...active.slice(0, shown).map((video) => videoLine(video, nowMs, columns)),
    ...(hidden > 0 && fitting > 0 ? [clip(`and ${count(hidden)} more`, columns)] : []),
  ]
}
