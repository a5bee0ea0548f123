import { Effect } from "effect"
import { agreementOf, disagrees, indexAt } from "../../plan/agreement.ts"
import { canonicalJson } from "../../plan/fingerprint.ts"
import type { Localization } from "../../plan/localization.ts"
import { disagreementsOf } from "../border-flags.ts"
import type { DatasetStore } from "../DatasetStore.ts"
import { layout, readingPath } from "../layout.ts"
import { type ReadingsRecord, readingsSchema } from "../records.ts"
import type { RunSummary } from "../run-summary.ts"
import { different, type Finding, finding, loadJson, traceFindings } from "./finding.ts"

const { readings: names, stage2 } = layout

const file = `${stage2.dir}/${names.dir}/${names.record}`

/** An answer of the form of `localization_raw.json`, checked by the rules for it. */
interface CheckedAnswer {
  readonly localization: Localization | undefined
  readonly findings: ReadonlyArray<Finding>
}

/** What further readings come to. */
interface CheckedReadings extends CheckedAnswer {
  /** Of readings on record, relative to the video's folder. */
  readonly folders: ReadonlyArray<string>
}

/** What the record says of each border, against the readings; only who knows all frames can tell whether medians break a rule. */
const borderFindings = (
  { borders }: ReadingsRecord,
  readings: ReadonlyArray<Localization>,
): ReadonlyArray<Finding> => {
  const [first] = readings
  const agreements = agreementOf(readings, [])
  if (agreements.length !== borders.length)
    return [finding(file, `must have ${agreements.length} borders, two for each step, not ${borders.length}`)]
  return agreements.flatMap((wanted, i) => {
    const given = borders[i]
    const own = first && indexAt(first, wanted)
    if (given === undefined || own === undefined) return []
    const at = `borders[${i}]`
    const possible = disagrees(wanted) ? [own, wanted.median_index] : [own]
    return [
      ...different(file, at, "step_id", wanted.step_id, given.step_id),
      ...different(file, at, "side", wanted.side, given.side),
      ...different(
        file,
        at,
        "frame_indices",
        wanted.frame_indices.join(", "),
        given.frame_indices.join(", "),
      ),
      ...different(file, at, "spread_frames", wanted.spread_frames, given.spread_frames),
      ...different(file, at, "median_index", wanted.median_index, given.median_index),
      ...different(file, at, "flag", disagrees(wanted) ? "disagreement" : undefined, given.flag),
      ...(possible.includes(given.frame_index)
        ? []
        : [
            finding(
              file,
              `${at}.frame_index must be one of ${possible.join(", ")}, not ${given.frame_index}`,
            ),
          ]),
    ]
  })
}

/** A localization as the record has it. */
const settledOf = (first: Localization, { borders }: ReadingsRecord): Localization => {
  const at = (step_id: number, side: "start" | "end", index: number): number =>
    borders.find((one) => one.step_id === step_id && one.side === side)?.frame_index ?? index
  return {
    steps: first.steps.map(({ end_frame_index, start_frame_index, step_id }) => ({
      step_id,
      start_frame_index: at(step_id, "start", start_frame_index),
      end_frame_index: at(step_id, "end", end_frame_index),
    })),
  }
}

/** What the record and the summary say, against the readings themselves. */
const recordFindings = (
  summary: RunSummary,
  record: ReadingsRecord,
  readings: ReadonlyArray<Localization>,
): ReadonlyArray<Finding> => {
  return [
    ...different(file, "$", "video_id", summary.video_id, record.video_id),
    ...different(file, "$", "samples", summary.samples, record.samples),
    ...different(file, "$", "readings", readings.length, record.readings.length),
    ...readings.flatMap(({ steps }, i) =>
      canonicalJson(steps) === canonicalJson(record.readings[i]?.steps)
        ? []
        : [finding(file, `readings[${i}].steps must be those of its answer`)],
    ),
    ...borderFindings(record, readings),
    ...(canonicalJson(disagreementsOf(record.borders)) === canonicalJson(summary.readings?.flags ?? [])
      ? []
      : [finding(layout.runSummary, `readings.flags must be those of ${file}`)]),
  ]
}

/**
 * Checks further readings of where the steps are, and the record of what they come to.
 *
 * @param check checks an answer's file
 * @returns where the steps are in the end; the localization itself if there are no further readings
 */
export const checkReadings = Effect.fn("Validate.readings")(function* <E>(
  root: string,
  summary: RunSummary,
  first: Localization | undefined,
  check: (file: string) => Effect.Effect<CheckedAnswer, E, DatasetStore>,
) {
  const outcomes = summary.readings?.readings
  if (outcomes === undefined)
    return { localization: first, findings: [], folders: [] } satisfies CheckedReadings
  const findings: Array<Finding> = []
  const folders: Array<string> = []
  const others: Array<Localization> = []
  for (const outcome of outcomes) {
    const folder = `${stage2.dir}/${readingPath(outcome.reading)}`
    folders.push(folder)
    const answer = yield* check(`${folder}/${names.answer}`)
    const trace = yield* traceFindings(root, folder, names.call, outcome)
    findings.push(...answer.findings, ...trace)
    if (answer.localization !== undefined) others.push(answer.localization)
  }
  const { value: record, findings: unread } = yield* loadJson(root, file, readingsSchema)
  findings.push(...unread)
  if (record === undefined || first === undefined || others.length < outcomes.length)
    return { localization: undefined, findings, folders } satisfies CheckedReadings
  findings.push(...recordFindings(summary, record, [first, ...others]))
  return { localization: settledOf(first, record), findings, folders } satisfies CheckedReadings
})
