import { posix } from "node:path"
import { Effect } from "effect"
import { type BorderAnswer, checkBorder } from "../../plan/border.ts"
import { canonicalJson } from "../../plan/fingerprint.ts"
import type { Localization } from "../../plan/localization.ts"
import { problemLine } from "../../plan/problem.ts"
import { flagsOf } from "../border-flags.ts"
import { layout, levelPath } from "../layout.ts"
import { type BordersRecord, bordersSchema, contactSheetSchema, type FrameManifest } from "../records.ts"
import type { RunSummary } from "../run-summary.ts"
import { readAnswer } from "./answers.ts"
import { different, type Finding, finding, loadJson, loadMedia, traceFindings } from "./finding.ts"
import { checkPool } from "./pool.ts"

const { borders: names, stage2 } = layout

const file = `${stage2.dir}/${names.dir}/${names.record}`

type Border = BordersRecord["borders"][number]
type LevelOutcome = NonNullable<RunSummary["borders"]>["levels"][number]

interface Shown {
  readonly timestamp_sec: number
  readonly pts: number
  readonly substituted_for_pts?: number | undefined
}

/** One look at a border as its own files tell it. */
interface CheckedLevel {
  /** Relative to the video's folder. */
  readonly folder: string
  /** Frames that were shown, in order; undefined where what lists them cannot be read. */
  readonly frames: ReadonlyArray<Shown> | undefined
  /** The list of frames that stand by themselves. */
  readonly manifest: FrameManifest | undefined
  readonly answer: BorderAnswer | undefined
  readonly findings: ReadonlyArray<Finding>
}

/** Checks a contact sheet: its record, and its picture. */
export const checkSheet = Effect.fn("Validate.sheet")(function* (root: string, path: string) {
  const { value: sheet, findings } = yield* loadJson(root, path, contactSheetSchema)
  if (sheet === undefined) return { sheet, findings }
  const picture = posix.join(posix.dirname(path), names.sheetPicture)
  const media = yield* loadMedia(root, picture, "JPEG picture")
  const goesBack = sheet.frames.some(({ pts }, i) => i > 0 && pts < (sheet.frames[i - 1]?.pts ?? pts))
  return {
    sheet,
    findings: [
      ...different(path, "$", "image_relpath", names.sheetPicture, sheet.image_relpath),
      ...different(path, "$", "num_frames", sheet.frames.length, sheet.num_frames),
      ...different(path, "$", "rows", Math.ceil(sheet.frames.length / sheet.columns), sheet.rows),
      ...sheet.frames.flatMap((frame, i) =>
        different(path, `frames[${i}]`, "frame_index_1based", i + 1, frame.frame_index_1based),
      ),
      ...(goesBack ? [finding(path, "frames are not in order of time")] : []),
      ...media.findings,
      ...(media.findings.length === 0 && media.sha256 !== sheet.sha256
        ? [finding(picture, `differs from the picture that ${names.sheet} describes (sha256)`)]
        : []),
    ],
  }
})

/** Checks one look: what lists its frames, its pictures, its answer by the rules for answers, and the trace of its call. */
const checkLevel = Effect.fn("Validate.level")(function* (
  root: string,
  outcome: LevelOutcome,
  input: BordersRecord["input"],
) {
  const { border, level, moved } = outcome
  const folder = `${stage2.dir}/${levelPath(border, level, moved === true)}`
  const listing = `${folder}/${input === "frames" ? layout.frameManifest : names.sheet}`
  const answerFile = `${folder}/${names.answer}`
  const sheet = input === "sheets" ? yield* checkSheet(root, listing) : undefined
  const pool = input === "frames" ? yield* checkPool(root, listing, undefined, true) : undefined
  const frames = sheet?.sheet?.frames ?? pool?.manifest?.frames
  const { json, findings } = yield* readAnswer(root, answerFile)
  const verdict = json === undefined || frames === undefined ? undefined : checkBorder(frames.length, json)
  const at = `borders.levels of ${folder}`
  return {
    folder,
    frames,
    manifest: pool?.manifest,
    answer: verdict?.ok === true ? verdict.value : undefined,
    findings: [
      ...different(layout.runSummary, at, "answer", answerFile, outcome.answer),
      ...different(layout.runSummary, at, "frames", listing, outcome.frames),
      ...(sheet?.findings ?? []),
      ...(pool?.findings ?? []),
      ...findings,
      ...(verdict?.ok === false ? verdict.problems.map((p) => finding(answerFile, problemLine(p))) : []),
      ...(yield* traceFindings(root, folder, names.call, outcome)),
    ],
  } satisfies CheckedLevel
})

/** What the record says of the looks at a border, against their own files. */
const askedFindings = (
  border: Border,
  where: string,
  levels: ReadonlyMap<string, CheckedLevel>,
): ReadonlyArray<Finding> =>
  border.levels_asked.flatMap((asked, i) => {
    const at = `${where}.levels_asked[${i}]`
    const level = levels.get(asked.folder)
    if (level === undefined) return [finding(file, `${at}.folder is ${asked.folder}, which no outcome names`)]
    const { answer, frames } = level
    return [
      ...(frames === undefined
        ? []
        : [
            ...different(file, at, "frames", frames.length, asked.frames),
            ...different(file, at, "from_sec", frames[0]?.timestamp_sec, asked.from_sec),
            ...different(file, at, "to_sec", frames.at(-1)?.timestamp_sec, asked.to_sec),
          ]),
      ...(answer === undefined
        ? []
        : [
            ...different(file, at, "answer", answer.answer, asked.answer),
            ...different(file, at, "frame_index", answer.frame_index, asked.frame_index),
          ]),
    ]
  })

/** A border that was found is the frame that the last look has named; one that was not is where it was localised. */
const placeFindings = (
  border: Border,
  where: string,
  levels: ReadonlyMap<string, CheckedLevel>,
): ReadonlyArray<Finding> => {
  if (border.levels === 0) return different(file, where, "sec", border.sec_localized, border.sec)
  const last = border.levels_asked.findLast(
    ({ answer, frame_index }) => answer === "frame" && frame_index > 1,
  )
  const frame = last && levels.get(last.folder)?.frames?.[last.frame_index - 1]
  // That it lies at an end of the video is said without a frame.
  if (frame === undefined || border.boundary_source === "video") return []
  return different(file, where, "pts", frame.substituted_for_pts ?? frame.pts, border.pts)
}

const orderFindings = (borders: ReadonlyArray<Border>): ReadonlyArray<Finding> =>
  borders.flatMap((border, i) => [
    ...different(file, `borders[${i}]`, "border", i + 1, border.border),
    ...(i > 0 && border.pts < (borders[i - 1]?.pts ?? border.pts)
      ? [finding(file, `borders[${i}] lies before the border before it`)]
      : []),
  ])

/** Borders are those of the localization: each of its indices, and the steps that end and begin there. */
const locatedFindings = (
  borders: ReadonlyArray<Border>,
  localization: Localization | undefined,
): ReadonlyArray<Finding> => {
  if (localization === undefined) return []
  const indices = localization.steps.flatMap((step) => [step.start_frame_index, step.end_frame_index])
  const wanted = [...new Set(indices)].toSorted((a, b) => a - b)
  const given = borders.map(({ frame_index_localized }) => frame_index_localized)
  if (canonicalJson(wanted) !== canonicalJson(given))
    return [finding(file, `must have the borders of ${stage2.localization}: ${wanted.join(", ")}`)]
  return borders.flatMap((border, i) => {
    const index = border.frame_index_localized
    const before = localization.steps.find((step) => step.end_frame_index === index)?.step_id ?? null
    const after = localization.steps.find((step) => step.start_frame_index === index)?.step_id ?? null
    return [
      ...different(file, `borders[${i}]`, "step_before", before, border.step_before),
      ...different(file, `borders[${i}]`, "step_after", after, border.step_after),
    ]
  })
}

/** Checks what looking at borders again has left: every look, and the record of what they come to. */
export const checkBorders = Effect.fn("Validate.borders")(function* (
  root: string,
  summary: RunSummary,
  localization: Localization | undefined,
) {
  const outcomes = summary.borders?.levels ?? []
  const input = summary.border_config?.input ?? "sheets"
  const checked = yield* Effect.forEach(outcomes, (outcome) => checkLevel(root, outcome, input))
  const levels = new Map(checked.map((level): [string, CheckedLevel] => [level.folder, level]))
  const { value: record, findings } = yield* loadJson(root, file, bordersSchema)
  const own = checked.flatMap((level) => level.findings)
  if (record === undefined) return { record, levels: checked, findings: [...own, ...findings] }
  const named = new Set(record.borders.flatMap((border) => border.levels_asked.map(({ folder }) => folder)))
  return {
    record,
    levels: checked,
    findings: [
      ...own,
      ...different(file, "$", "video_id", summary.video_id, record.video_id),
      ...different(file, "$", "time_base", summary.source.time_base, record.time_base),
      ...different(file, "$", "precision_sec", summary.border_config?.precision_sec, record.precision_sec),
      ...different(file, "$", "input", summary.border_config?.input, record.input),
      ...checked
        .filter(({ folder }) => !named.has(folder))
        .map(({ folder }) => finding(file, `does not name ${folder}, which was asked for`)),
      ...(canonicalJson(flagsOf(record.borders)) === canonicalJson(summary.borders?.flags ?? [])
        ? []
        : [finding(layout.runSummary, `borders.flags must be those of ${file}`)]),
      ...orderFindings(record.borders),
      ...locatedFindings(record.borders, localization),
      ...record.borders.flatMap((border, i) => [
        ...askedFindings(border, `borders[${i}]`, levels),
        ...placeFindings(border, `borders[${i}]`, levels),
      ]),
    ],
  }
})
