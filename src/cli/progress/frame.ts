import { Format } from "cli-progress"
import type { StageNumber } from "../../config.ts"
import { compact, count, dollars, duration, plural } from "../quantity.ts"
import { type ActiveVideo, answersPerMinute, eta, type RunState, videosLeft, workUnderWay } from "./state.ts"
import { clip, fit, flow, printable } from "./text.ts"

export const stageNames: Readonly<Record<StageNumber, string>> = {
  1: "draft",
  2: "localise",
  3: "refine",
}

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

/** What was paid, as far as it is known. */
export const costText = ({ costUsd, unpriced, answers }: RunState): string => {
  if (answers > 0 && unpriced === answers) return "cost not known"
  return unpriced > 0 ? `more than ${dollars(costUsd)}` : dollars(costUsd)
}

const etaText = (state: RunState, nowMs: number): string => {
  const seconds = eta(state, nowMs)
  return seconds === undefined ? "time left not known yet" : `${duration(seconds)} left`
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
    left === 0 ? "" : etaText(state, nowMs),
  ]
}

const stoppingText: Readonly<Record<NonNullable<RunState["stopping"]>, string>> = {
  asked: "stopping: calls under way are finished",
  failure: "stopping after a failure: calls under way are finished",
  budget: "stopping, the budget is spent: calls under way are finished",
}

/** Calls per minute, and how many are allowed, where that is known. */
export const rateText = (state: RunState, nowMs: number): string => {
  const { rpm } = state.load
  const limit = rpm === null ? "" : ` of ${count(Math.floor(rpm))}`
  return `${count(Math.round(answersPerMinute(state, nowMs)))}${limit} calls/min`
}

const workItems = (state: RunState, nowMs: number): ReadonlyArray<string> => {
  const { load, steps, promptTokens, completionTokens } = state
  return [
    plural(steps, "step"),
    rateText(state, nowMs),
    load.inFlight === 0 ? "" : `${count(load.inFlight)} in flight`,
    `${compact(promptTokens + completionTokens)} tokens`,
    costText(state),
    `${duration((nowMs - state.startedMs) / 1000)} so far`,
    load.pausedMs > 0 ? `the service is given ${duration(load.pausedMs / 1000)} of rest` : "",
    state.stopping === undefined ? "" : stoppingText[state.stopping],
  ]
}

const stageColumns = 10
const countColumns = 5
const ageColumns = 6
const whatColumns = 40

/** One video: name, stage, how far it is, what was last done and how long ago. What does not fit is left out. */
const videoLine = (video: ActiveVideo, nowMs: number, columns: number): string => {
  const { stage } = video
  const stageText =
    stage !== undefined
      ? `${stage.number} ${stageNames[stage.number]}`
      : video.finishedStages.length > 0
        ? "finishing"
        : "opening"
  const nameColumns = between(8, columns * 0.34, 48)
  const barColumns = columns < 56 ? 0 : between(6, columns / 8, 24)
  const done = stage === undefined ? "" : `${stage.done}/${stage.total}`
  const progress = stage === undefined || stage.total === 0 ? 0 : stage.done / stage.total
  const parts = [
    fit(printable(video.videoId), nameColumns),
    fit(stageText, stageColumns),
    ...(barColumns === 0 ? [] : [bar(progress, barColumns)]),
    done.padStart(countColumns),
  ]
  const used = nameColumns + 1 + stageColumns + 1 + (barColumns === 0 ? 0 : barColumns + 1) + countColumns
  const room = Math.min(whatColumns, columns - used - 2 - ageColumns - 1)
  const age = duration((nowMs - video.lastMs) / 1000).padStart(ageColumns)
  const tail = room < 8 ? "" : `  ${fit(printable(video.what), room)} ${age}`
  return clip(`${parts.join(" ")}${tail}`, columns).trimEnd()
}

/** How much of a screen is left to what was printed before. */
const rowsAbove = (rows: number): number => (rows < 12 ? 1 : 3)

/**
 * The display at one moment: how the batch stands, then a line for each video that is worked on, as many as there is
 * room for. No line takes more than `columns` - 1 columns, and there are fewer than `rows` of them.
 */
export const frameLines = (
  state: RunState,
  nowMs: number,
  size: { readonly columns: number; readonly rows: number },
): ReadonlyArray<string> => {
  const columns = Math.max(10, size.columns - 1)
  const room = Math.max(1, size.rows - rowsAbove(size.rows))
  const header = [
    ...flow(videosItems(state, nowMs, columns), columns),
    ...flow(workItems(state, nowMs), columns),
  ].slice(0, Math.ceil(room / 2))
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
