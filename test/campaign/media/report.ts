import type { Trial } from "./trial.ts"

const most = (numbers: ReadonlyArray<number>): number => numbers.reduce((a, b) => Math.max(a, b), 0)

const tableRow = (cells: ReadonlyArray<string | number>): string =>
  cells.map((cell, i) => (i === 0 ? String(cell).padEnd(10) : String(cell).padStart(11))).join("")

/** Figures of all runs, one line for each decoder. */
export const summary = (trials: ReadonlyArray<Trial>): string => {
  const byDecoder = Map.groupBy(trials, ({ decoder }) => decoder)
  const rows = [...byDecoder].map(([decoder, runs]) =>
    tableRow([
      decoder,
      runs.length,
      runs.filter(({ end }) => end === "finished").length,
      runs.filter(({ end }) => end === "refused").length,
      runs.filter(({ end }) => end === "invalid").length,
      runs.filter(({ mismatches }) => mismatches.length > 0).length,
      runs.filter(({ differsByVersion }) => differsByVersion).length,
      most(runs.map(({ seconds }) => seconds)).toFixed(1),
      most(runs.map(({ cpuSeconds }) => cpuSeconds)).toFixed(1),
      most(runs.map(({ peakMb }) => peakMb)).toFixed(0),
    ]),
  )
  const head = [
    "decoder",
    "runs",
    "finished",
    "refused",
    "invalid",
    "mismatched",
    "by version",
    "max s",
    "max CPU s",
    "max MB",
  ]
  return [tableRow(head), ...rows].join("\n")
}

/** Whether a run did all that is asked of it. */
export const isWell = ({ offences, mismatches }: Trial): boolean =>
  offences.length === 0 && mismatches.length === 0

/** Problems of one run that are printed; the report has all. */
const printed = 6

/** One run in a line, and what was wrong with it below. */
export const trialText = (trial: Trial): string => {
  const { id, decoder, end, seconds, cpuSeconds, peakMb, offences, mismatches, fallback, flags } = trial
  const problems = [...offences, ...mismatches]
  const how = `${decoder}${fallback ? "" : " alone"}`
  return [
    `${isWell(trial) ? "ok  " : "BAD "} ${id} ${how}: ${end}, ${seconds.toFixed(1)} s (CPU ${cpuSeconds.toFixed(1)}), ${peakMb.toFixed(0)} MB`,
    ...(end === "refused" && isWell(trial) ? [`       ${trial.reason?.slice(0, 160)}`] : []),
    ...problems.slice(0, printed).map((problem) => `       ${problem}`),
    ...(problems.length > printed ? [`       and ${problems.length - printed} more`] : []),
    ...(problems.length > 0 ? [`       flags: ${flags.join(" ")}`] : []),
  ].join("\n")
}
