import { resolve } from "node:path"
import { join } from "node:path/posix"
import { Effect } from "effect"
import * as v from "valibot"
import { DatasetError } from "./DatasetError.ts"
import { layout, type VideoFolder } from "./layout.ts"
import { type OriginalSummary, readOriginalSummary, schemaOfDraft } from "./original.ts"
import type { RunSummary } from "./run-summary.ts"
import { readBytes, readJson, writeIfChanged } from "./store.ts"
import type { SummaryHeader } from "./summary.ts"

/** Whether a run may continue folders of the original implementation. */
export interface Adoption {
  /** All of them. */
  readonly adopt: boolean
  /** Those without a schema fingerprint. */
  readonly allowLegacyResume: boolean
}

const poolSizeSchema = v.looseObject({ num_frames: v.number() })

const refuse = (reason: DatasetError["reason"], folder: VideoFolder, why: string) =>
  new DatasetError({ reason, path: folder.location, message: `${folder.location} ${why}` })

const isAllowed = ({ adopt, allowLegacyResume }: Adoption, original: OriginalSummary): boolean =>
  adopt || (allowLegacyResume && original.schema_fingerprint === undefined)

/** Why a folder of the original implementation cannot be continued by this run; undefined if it can. */
const obstacle = Effect.fn("Dataset.obstacle")(function* (
  folder: VideoFolder,
  original: OriginalSummary,
  header: SummaryHeader,
  adoption: Adoption,
) {
  const source = resolve(original.source_video)
  if (source !== header.source_video) {
    const why = `belongs to another video (${source}), so it is left alone; choose another --output-root, or rename the video`
    return refuse("ForeignFolder", folder, why)
  }
  if (!isAllowed(adoption, original)) {
    const made =
      original.schema_fingerprint === undefined
        ? "without a schema fingerprint; --adopt or --allow-legacy-resume continues it"
        : `with the schema fingerprint ${original.schema_fingerprint}, and this run has ${header.schema_fingerprint}; --adopt continues it`
    const why = `was made by the original implementation ${made} with the answers that pass the checks; or choose another --output-root`
    return refuse("FingerprintMismatch", folder, why)
  }
  if (header.rehearsal) {
    const why =
      "holds the answers of a real model, which a rehearsal would mix with its own; adopt it with a model"
    return refuse("RehearsalOverReal", folder, why)
  }
  const pool = v.safeParse(poolSizeSchema, yield* readJson(join(folder.stage1, layout.frameManifest)))
  const wanted = header.sampling_config.max_frames
  if (pool.success && pool.output.num_frames !== wanted) {
    const why = `was made with ${pool.output.num_frames} frames in a pool, and this run has ${wanted}; give --max-frames ${pool.output.num_frames}`
    return refuse("FingerprintMismatch", folder, why)
  }
  const schema = schemaOfDraft(yield* readJson(join(folder.stage1, layout.stage1.draft)))
  if (schema !== undefined && schema !== header.annotation_schema) {
    const why = `holds a draft of the annotation schema ${schema}; give --annotation-schema ${schema}`
    return refuse("FingerprintMismatch", folder, why)
  }
  return undefined
})

/**
 * Decides whether a folder of the original implementation may be continued.
 *
 * @returns where the folder comes from; undefined if it is none of the original's. Fails with a `DatasetError` that names the
 *   flag to give. Nothing is written.
 */
export const adoptableFolder = Effect.fn("Dataset.adoptable")(function* (
  folder: VideoFolder,
  header: SummaryHeader,
  adoption: Adoption,
) {
  const original = yield* readOriginalSummary(folder.key)
  if (original === undefined) return undefined
  const why = yield* obstacle(folder, original, header, adoption)
  if (why !== undefined) return yield* why
  return {
    schema_fingerprint: original.schema_fingerprint ?? null,
    model: original.api_config?.model_name ?? null,
    updated_at_utc: original.updated_at_utc ?? null,
  } satisfies RunSummary["adopted_from"]
})

/** Keeps the original's summary beside the one that takes its place. */
export const keepOriginalSummary = Effect.fn("Dataset.keepOriginalSummary")(function* (folder: VideoFolder) {
  const bytes = yield* readBytes(join(folder.key, layout.runSummary))
  if (bytes !== undefined) yield* writeIfChanged(join(folder.key, layout.originalSummary), bytes)
})
