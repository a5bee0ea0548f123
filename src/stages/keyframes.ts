import { join } from "node:path/posix"
import { Effect } from "effect"
import * as v from "valibot"
import { sizeLimit } from "../dataset/DatasetStore.ts"
import { keyframeName, layout } from "../dataset/layout.ts"
import { keepIfForeign } from "../dataset/media.ts"
import { type Segment, type StepMeta, stepMetaOf, stepMetaSchema } from "../dataset/records.ts"
import { jsonText, readBytes, readJson, writeIfChanged } from "../dataset/store.ts"
import { utcNow } from "../dataset/summary.ts"
import { removeKeyframes } from "../dataset/superseded.ts"
import type { FinalStep } from "../plan/annotation.ts"
import { canonicalJson } from "../plan/fingerprint.ts"
import type { FramePool } from "./pool-plan.ts"
import { put } from "./put.ts"
import type { VideoRun } from "./run.ts"

/**
 * Writes the pictures of a step's keyframes and its metadata, which lists them. Earlier pictures go before the metadata that
 * lists them does.
 */
export const writeKeyframes = Effect.fn("Stage3.keyframes")(function* (
  run: VideoRun,
  dir: string,
  pool: FramePool,
  step: FinalStep,
  segment: Segment,
  timeName: string,
) {
  const path = join(dir, layout.stage3.meta)
  const parsed = v.safeParse(stepMetaSchema, yield* readJson(path))
  const present = parsed.success ? parsed.output : undefined
  const earlier = present?.keyframes
  const keyframes: Array<NonNullable<StepMeta["keyframes"]>[number]> = []
  for (const { frame_index } of step.critical_frames) {
    const frame = pool.manifest.frames[frame_index - 1]
    if (frame === undefined) continue
    const name = keyframeName(frame.image_relpath)
    const picture = yield* readBytes(join(dir, frame.image_relpath), sizeLimit.picture)
    if (picture === undefined) continue
    if (earlier !== undefined) {
      const recorded = earlier.find(({ image_relpath }) => image_relpath === name)?.sha256 ?? null
      yield* keepIfForeign(join(dir, name), "JPEG picture", recorded, frame.sha256)
    }
    yield* writeIfChanged(join(dir, name), picture)
    keyframes.push({ image_relpath: name, sha256: frame.sha256 })
  }
  yield* removeKeyframes(dir, present, new Set(keyframes.map(({ image_relpath }) => image_relpath)))
  const meta: StepMeta = {
    ...stepMetaOf(segment, pool.timestamps.length),
    generated_at_utc: present?.generated_at_utc ?? (yield* utcNow(timeName)),
    keyframes,
  }
  if (canonicalJson(present) === canonicalJson(meta)) return
  yield* put(run, path, jsonText({ ...meta, generated_at_utc: yield* utcNow(timeName) }))
})
