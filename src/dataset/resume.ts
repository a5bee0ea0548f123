import { join } from "node:path/posix"
import { Effect, Either } from "effect"
import * as v from "valibot"
import { isTemporary } from "../files/whole.ts"
import { fingerprint, sha256 } from "../plan/fingerprint.ts"
import type { Checked } from "../plan/problem.ts"
import { DatasetError } from "./DatasetError.ts"
import { type DatasetStore, sizeLimit } from "./DatasetStore.ts"
import { isSamplePath, layout, type VideoFolder } from "./layout.ts"
import { type ContactSheet, contactSheetSchema, type FrameManifest, frameManifestSchema } from "./records.ts"
import type { Outcome } from "./run-summary.ts"
import { whatDiffers } from "./schema-parts.ts"
import { entriesIn, readBytes, readDigest, readJson } from "./store.ts"
import { readSummary, type SummaryHeader, summaryKey } from "./summary.ts"

const refuse = (reason: DatasetError["reason"], path: string, message: string) =>
  new DatasetError({ reason, path, message })

/** How deep folders lie that a run makes: `stage1/sampled_frames`. */
const deepestFolder = 2

/** Whether no file but what a crash has left is in a folder, nor in the folders in it: a run that was begun may have made those. */
const holdsNoFile = (
  folder: string,
  levels = deepestFolder,
): Effect.Effect<boolean, DatasetError, DatasetStore> =>
  Effect.gen(function* () {
    const found = (yield* entriesIn(folder)).filter(({ name }) => !isTemporary(name))
    if (found.some(({ kind }) => kind !== "folder" || levels === 0)) return false
    for (const { name } of found) if (!(yield* holdsNoFile(join(folder, name), levels - 1))) return false
    return true
  })

/**
 * Decides whether a folder may be worked in, before anything in it is touched.
 *
 * @returns the summary of an earlier run of the same video, or undefined for a new or empty folder.
 * Fails with `ForeignFolder` if it belongs to another video or holds files without a readable summary, with
 * `FingerprintMismatch` if prompts or schema differ, and with `RehearsalOverReal` if a rehearsal would replace a real
 * model's answers; both pass if everything is to be made again (`replaceAll`).
 *
 * @param lesserFingerprints those of runs without some of the stages that options add: their folders are gone on with
 */
export const claimFolder = Effect.fn("Dataset.claimFolder")(function* (
  folder: VideoFolder,
  header: SummaryHeader,
  replaceAll: boolean,
  lesserFingerprints: ReadonlyArray<string> = [],
) {
  if (yield* holdsNoFile(folder.key)) return undefined
  const summary = yield* readSummary(summaryKey(folder.videoId))
  const choose = "choose another --output-root, or rename the video"
  if (summary === undefined) {
    const message = `${folder.location} holds files but no readable ${layout.runSummary}, so it is left alone; ${choose}`
    return yield* refuse("ForeignFolder", folder.location, message)
  }
  if (summary.source.content_fingerprint !== header.source.content_fingerprint) {
    const message = `${folder.location} belongs to another video (${summary.source_video}), so it is left alone; ${choose}`
    return yield* refuse("ForeignFolder", folder.location, message)
  }
  if (replaceAll) return summary
  if (![header.schema_fingerprint, ...lesserFingerprints].includes(summary.schema_fingerprint)) {
    return yield* refuse(
      "FingerprintMismatch",
      folder.location,
      `${folder.location} was made with the schema fingerprint ${summary.schema_fingerprint} (${summary.annotation_schema}), but this run has ${header.schema_fingerprint} (${header.annotation_schema}): ${whatDiffers(summary, header)}; choose another --output-root, the same --annotation-schema, --prompts, --task, --steps, --steps-file, --granularity, --language, --outcome, --input, --step-input, --frame-times, --border-precision and version, or --overwrite to run all stages again`,
    )
  }
  if (header.rehearsal && !summary.rehearsal && summary.stage1 !== undefined) {
    return yield* refuse(
      "RehearsalOverReal",
      folder.location,
      `${folder.location} holds the answers of a real model (${summary.api_config.model}), which a rehearsal would replace; choose another --output-root, or --overwrite all stages`,
    )
  }
  return summary
})

/**
 * Whether an answered call still stands: recorded as completed for the same inputs, its raw reply untouched, and what was
 * written from it passing the same checks as a fresh reply.
 */
export const reusableAnswer = Effect.fn("Dataset.reusableAnswer")(function* <A>(options: {
  readonly outcome: Outcome | undefined
  readonly inputs: string
  readonly dir: string
  readonly artefact: string
  readonly rawResponse: string
  readonly check: (json: unknown) => Checked<A>
}) {
  const { outcome, dir } = options
  if (outcome?.status !== "completed" && outcome?.answered !== true) return Either.left("not done yet")
  if (outcome.inputs !== options.inputs) return Either.left("its inputs have changed")
  const raw = yield* readBytes(join(dir, options.rawResponse))
  if (raw === undefined) return Either.left(`${options.rawResponse} is missing`)
  if (sha256(raw) !== outcome.raw_response_sha256) return Either.left(`${options.rawResponse} has changed`)
  const verdict = options.check(yield* readJson(join(dir, options.artefact)))
  return verdict.ok ? Either.right(verdict.value) : Either.left(`${options.artefact} is missing or not valid`)
})

/** The entries of a manifest without the picture's digest: what sampling decides before decoding. */
export type PlannedFrame = Omit<FrameManifest["frames"][number], "sha256">

/** The manifest in a folder, if it can be read at all. */
export const readManifest = (dir: string) =>
  Effect.map(readJson(join(dir, layout.frameManifest)), (json): FrameManifest | undefined => {
    const parsed = v.safeParse(frameManifestSchema, json)
    return parsed.success ? parsed.output : undefined
  })

/** The contact sheet in a folder, if its record can be read. */
export const readSheet = (dir: string) =>
  Effect.map(readJson(join(dir, layout.borders.sheet)), (json): ContactSheet | undefined => {
    const parsed = v.safeParse(contactSheetSchema, json)
    return parsed.success ? parsed.output : undefined
  })

/** Whether an entry names the picture that a run would have made for it, and no other file. */
export const isOwnPicture = (frame: PlannedFrame): boolean =>
  isSamplePath(frame.image_relpath, frame.frame_index_1based, frame.timestamp_sec)

/** What an entry was planned as: itself, or, where another frame stands in, the frame that was wanted. Its name follows. */
const plannedAs = ({
  frame_index_1based,
  image_relpath: _,
  time_base,
  pts,
  substituted_for_pts,
  ...rest
}: PlannedFrame) =>
  substituted_for_pts === undefined
    ? { frame_index_1based, time_base, pts, ...rest }
    : { frame_index_1based, time_base, pts: substituted_for_pts }

/** Whether a manifest lists exactly the planned frames, chosen in the same way. Stand-ins for damaged frames count. */
export const matchesPlan = (
  manifest: FrameManifest,
  planned: ReadonlyArray<PlannedFrame>,
  sampling: FrameManifest["sampling"],
): boolean =>
  manifest.num_frames === planned.length &&
  manifest.frames.length === planned.length &&
  manifest.sampling === sampling &&
  manifest.frames.every(({ sha256: _, ...frame }, i) => {
    const plan = planned[i]
    // Nothing but the name of a sampled picture is read, and sent, as one.
    if (plan === undefined || !isOwnPicture(frame)) return false
    const { frame_index_1based, time_base, pts } = plan
    const wanted =
      frame.substituted_for_pts === undefined ? plannedAs(plan) : { frame_index_1based, time_base, pts }
    return fingerprint(plannedAs(frame)) === fingerprint(wanted)
  })

/** The pictures of a manifest that are missing or differ from their digest, as relative paths. */
export const damagedPictures = Effect.fn("Dataset.damagedPictures")(function* (
  dir: string,
  manifest: FrameManifest,
) {
  const damaged: Array<string> = []
  for (const frame of manifest.frames) {
    const found = yield* readDigest(join(dir, frame.image_relpath), sizeLimit.picture)
    if (found?.sha256 !== frame.sha256) damaged.push(frame.image_relpath)
  }
  return damaged
})
