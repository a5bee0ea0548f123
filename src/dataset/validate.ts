import { basename, isAbsolute } from "node:path"
import { Effect } from "effect"
import * as v from "valibot"
import { annotationFor } from "../plan/schemas.ts"
import { DatasetStore } from "./DatasetStore.ts"
import { furtherLayout, layout } from "./layout.ts"
import { localStore } from "./local-store.ts"
import { readOriginalSummary } from "./original.ts"
import { entriesOf } from "./places.ts"
import type { FrameManifest } from "./records.ts"
import { type RunSummary, runSummarySchema } from "./run-summary.ts"
import { planForm } from "./schema-parts.ts"
import { checkDraftFile, checkFinalPlan, checkLocalizationFile } from "./validate/answers.ts"
import { checkBorders } from "./validate/borders.ts"
import type { DecodeClip } from "./validate/clip.ts"
import { type Finding, finding, loadJson, orFinding, traceFindings } from "./validate/finding.ts"
import { checkOriginal } from "./validate/original.ts"
import { checkPool } from "./validate/pool.ts"
import { checkReadings } from "./validate/readings.ts"
import { checkSegments } from "./validate/segments.ts"
import { checkStep } from "./validate/step.ts"
import { unexpectedFindings } from "./validate/unexpected.ts"
import { checkVerification } from "./validate/verification.ts"

export type { DecodeClip } from "./validate/clip.ts"
export { errorsAmong, type Finding } from "./validate/finding.ts"

const { stage1, stage2 } = layout

/** How much of a video has to be there: everything, or what stages have made that have been run. */
export type Scope = "everything" | "what is there"

const summaryFindings = (summary: RunSummary, name: string, scope: Scope): ReadonlyArray<Finding> => {
  const file = layout.runSummary
  const { borders, further_stages = {}, readings, stage1, stage2, stage3, verify } = summary
  const read = readings === undefined ? {} : { "2 readings": readings }
  const looked = borders === undefined ? {} : { "2 borders": borders }
  const verified = verify === undefined ? {} : { "3 verify": verify }
  const outcomes = { 1: stage1, 2: stage2, ...read, ...looked, 3: stage3, ...verified, ...further_stages }
  const stages = Object.entries(outcomes).flatMap(([stage, outcome]) =>
    outcome?.status === "completed" || (outcome === undefined && scope === "what is there")
      ? []
      : [
          finding(
            file,
            `Stage ${stage} is ${outcome?.status ?? "not run yet"}; run the pipeline again to go on`,
          ),
        ],
  )
  return [
    ...(summary.video_id === name
      ? []
      : [finding(file, `video_id is ${summary.video_id}, but the folder is ${name}`)]),
    ...(isAbsolute(summary.source_video) ? [] : [finding(file, "source_video must be an absolute path")]),
    ...stages,
  ]
}

/** Checks what stages beyond the contract's have left: their answers, and the traces of their calls. What is in an answer they know. */
const furtherFindings = (folder: string, { further_stages = {} }: RunSummary) =>
  Effect.map(
    Effect.forEach(Object.entries(further_stages), ([name, outcome]) => {
      const { answer, call, dir } = furtherLayout(name)
      return Effect.all([
        Effect.map(loadJson(folder, `${dir}/${answer}`, v.looseObject({})), ({ findings }) => findings),
        traceFindings(folder, dir, call, outcome),
      ])
    }),
    (findings) => findings.flat(2),
  )

/** What the pictures of a manifest are called, relative to the video's folder; undefined where it cannot be read. */
const picturesOf = (dir: string, manifest: FrameManifest | undefined) =>
  manifest === undefined
    ? []
    : [
        [
          `${dir}/${layout.sampledFrames}`,
          new Set(manifest.frames.map((frame) => `${dir}/${frame.image_relpath}`)),
        ] as const,
      ]

/** Checks what the records describe; gives what they name, too. */
const checkRecords = Effect.fn("Validate.records")(function* (
  folder: string,
  name: string,
  decode: DecodeClip | undefined,
  scope: Scope,
) {
  const byFolder = new Map<string, ReadonlySet<string>>()
  const looks = new Set<string>()
  const found: Array<Finding> = []
  const { value: summary, findings } = yield* loadJson(folder, layout.runSummary, runSummarySchema)
  const further = new Set(Object.keys(summary?.further_stages ?? {}))
  const sofar = (steps?: ReadonlySet<string>) => ({
    findings: found,
    named: { byFolder, steps, looks, further },
  })
  if (summary === undefined) {
    const { value: original } = yield* orFinding(layout.runSummary, readOriginalSummary(folder))
    found.push(...(original === undefined ? findings : yield* checkOriginal(folder, original)))
    return sofar()
  }
  const annotation = annotationFor(summary.annotation_schema, planForm(summary.schema_parts))
  const poolSize = summary.sampling_config.max_frames
  found.push(...summaryFindings(summary, name, scope), ...(yield* furtherFindings(folder, summary)))
  if (summary.stage1 === undefined) return sofar()
  const pool = yield* checkPool(folder, `${stage1.dir}/${layout.frameManifest}`, poolSize, true)
  for (const [path, names] of picturesOf(stage1.dir, pool.manifest)) byFolder.set(path, names)
  const draft = yield* checkDraftFile(folder, annotation)
  found.push(
    ...pool.findings,
    ...draft.findings,
    ...(yield* traceFindings(folder, stage1.dir, stage1.call, summary.stage1)),
  )
  if (summary.stage2 === undefined) return sofar()
  const end = summary.source.end_sec
  const seconds = pool.manifest?.frames.map((frame) => frame.timestamp_sec)
  const localized = yield* checkLocalizationFile(folder, draft.draft, seconds, end)
  const read = yield* checkReadings(folder, summary, localized.localization, (file) =>
    checkLocalizationFile(folder, draft.draft, seconds, end, file),
  )
  for (const reading of read.folders) looks.add(reading)
  const { localization } = read
  const looked =
    summary.borders === undefined ? undefined : yield* checkBorders(folder, summary, localization)
  for (const { folder: dir, manifest } of looked?.levels ?? [])
    for (const [path, names] of picturesOf(dir, manifest)) byFolder.set(path, names)
  for (const level of looked?.levels ?? []) looks.add(level.folder)
  const expected = {
    summary,
    borders: looked === undefined ? ("localized" as const) : looked.record?.borders,
    draft: draft.draft,
    localization,
    manifest: pool.manifest,
  }
  const cut = yield* checkSegments(folder, expected, decode)
  if (cut.segments !== undefined) {
    const clips = cut.segments.segments.map(({ clip_relpath }) => `${stage2.dir}/${clip_relpath}`)
    byFolder.set(`${stage2.dir}/${stage2.clips}`, new Set(clips))
  }
  found.push(
    ...localized.findings,
    ...read.findings,
    ...(looked?.findings ?? []),
    ...cut.findings,
    ...(yield* traceFindings(folder, stage2.dir, stage2.call, summary.stage2)),
  )
  if (summary.stage3 === undefined || draft.draft === undefined) return sofar()
  const steps = []
  for (const step of draft.draft.steps) {
    const outcome = summary.stage3.steps.find((candidate) => candidate.step_id === step.step_id)
    const checked = yield* checkStep(folder, annotation, step, cut.segments, poolSize, outcome)
    steps.push(checked)
    found.push(...checked.findings)
    for (const [path, names] of picturesOf(checked.folder, checked.manifest)) byFolder.set(path, names)
    if (checked.keyframes !== undefined) byFolder.set(checked.folder, new Set(checked.keyframes))
  }
  const verified = yield* checkVerification(folder, summary, annotation, draft.draft, steps)
  for (const look of verified.looks) looks.add(look)
  found.push(...verified.findings)
  found.push(...(yield* checkFinalPlan(folder, draft.draft.high_level_goal, steps)))
  return sofar(new Set(steps.map((step) => step.folder)))
})

/**
 * Checks the folder of one video against the contract without a model: every rule a fresh reply has to pass, every file
 * named, pictures and clips against their digests, metadata against segments, the final plan against its steps. What cannot be
 * read is told, and the rest is checked. Nothing outside of the folder is read, whatever its files say or link to.
 *
 * A folder of the original implementation is checked by what its files say.
 *
 * @param folder its key
 * @param name what it is called: the id of its video
 * @param decode decodes the clips too; without it they are compared with their digests alone
 * @param scope whether stages that were not run are wrong
 * @returns everything that is wrong, as errors, and what belongs to nobody, as warnings; empty if all is well
 */
export const validateVideo = Effect.fn("Dataset.validate")(function* (
  folder: string,
  name: string,
  decode?: DecodeClip,
  scope: Scope = "everything",
) {
  const { findings, named } = yield* checkRecords(folder, name, decode, scope)
  const { value: entries = [], findings: unlisted } = yield* orFinding(".", entriesOf(folder))
  return [...findings, ...unlisted, ...unexpectedFindings(entries, named)]
})

/** `validateVideo` for a folder of this machine, `<output_root>/<video_id>`, which may itself be a link. */
export const validateFolder = (folder: string, decode?: DecodeClip) =>
  Effect.provideService(validateVideo("", basename(folder), decode), DatasetStore, localStore(folder))
