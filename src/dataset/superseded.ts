import { basename, dirname, join } from "node:path/posix"
import { Effect } from "effect"
import * as v from "valibot"
import { sha256 } from "../plan/fingerprint.ts"
import { replyRecordSchema } from "./call-record.ts"
import { sizeLimit } from "./DatasetStore.ts"
import { callFile, clipPath, errorsFile, layout, lookPath } from "./layout.ts"
import { isKeyframe } from "./places.ts"
import { type FrameManifest, type StepMeta, type StepSegments, stepMetaSchema } from "./records.ts"
import { isOwnPicture, readManifest, readSheet } from "./resume.ts"
import { listFolder, readBytes, readDigest, readJson, removeFile, removeIfEmpty } from "./store.ts"

/**
 * Taking away what runs have made and no longer need. A file goes only if a record names it and it is still what was recorded:
 * whatever else is there, edited files too, belongs to somebody else and stays.
 */
interface RecordedFile {
  readonly path: string
  readonly sha256: string
  readonly limit: number
}

const removeRecorded = Effect.fn("Superseded.remove")(function* ({ path, sha256, limit }: RecordedFile) {
  const found = yield* readDigest(path, limit)
  if (found?.sha256 === sha256) yield* removeFile(path)
})

/** Removes the pictures of an earlier manifest that are not in `kept`, paths relative to the manifest. */
export const removePictures = Effect.fn("Superseded.pictures")(function* (
  dir: string,
  earlier: FrameManifest | undefined,
  kept: ReadonlySet<string>,
) {
  for (const frame of earlier?.frames ?? []) {
    if (!isOwnPicture(frame) || kept.has(frame.image_relpath)) continue
    const path = join(dir, frame.image_relpath)
    yield* removeRecorded({ path, sha256: frame.sha256, limit: sizeLimit.picture })
  }
})

/** Removes the clips of earlier segments that are not in `kept`, paths relative to `dir`, the folder of Stage 2. */
export const removeClips = Effect.fn("Superseded.clips")(function* (
  dir: string,
  earlier: StepSegments | undefined,
  kept: ReadonlySet<string>,
) {
  for (const { clip_relpath, clip_sha256, step_goal, step_id } of earlier?.segments ?? []) {
    if (clip_relpath !== clipPath(step_id, step_goal) || kept.has(clip_relpath)) continue
    yield* removeRecorded({ path: join(dir, clip_relpath), sha256: clip_sha256, limit: sizeLimit.clip })
  }
})

/** The keyframe pictures that a step's metadata lists; before it listed any, those that are pictures of the step's pool. */
const recordedKeyframes = Effect.fn("Superseded.recordedKeyframes")(function* (
  dir: string,
  meta: StepMeta | undefined,
  manifest: FrameManifest | undefined,
) {
  if (meta?.keyframes !== undefined) return meta.keyframes
  const ofPool = new Set(manifest?.frames.map((frame) => frame.sha256))
  const found: Array<NonNullable<StepMeta["keyframes"]>[number]> = []
  for (const name of (yield* listFolder(dir)).filter(isKeyframe)) {
    const picture = yield* readDigest(join(dir, name), sizeLimit.picture)
    if (picture !== undefined && ofPool.has(picture.sha256))
      found.push({ image_relpath: name, sha256: picture.sha256 })
  }
  return found
})

/** Removes a step's earlier keyframe pictures that are not in `kept`. */
export const removeKeyframes = Effect.fn("Superseded.keyframes")(function* (
  dir: string,
  meta: StepMeta | undefined,
  kept: ReadonlySet<string>,
) {
  for (const { image_relpath, sha256 } of yield* recordedKeyframes(dir, meta, yield* readManifest(dir))) {
    if (!isKeyframe(image_relpath) || kept.has(image_relpath)) continue
    yield* removeRecorded({ path: join(dir, image_relpath), sha256, limit: sizeLimit.picture })
  }
})

const errorsSchema = v.object({ attempt: v.number(), problems: v.array(v.unknown()) })

/** Whether a reply on disk is the one its record describes. */
const isReceived = Effect.fn("Superseded.isReceived")(function* (dir: string, file: string) {
  const record = v.safeParse(replyRecordSchema, yield* readJson(join(dir, callFile(file))))
  const text = yield* readBytes(join(dir, file))
  return text !== undefined && record.success && record.output.reply_sha256 === sha256(text)
})

/** Removes the replies of a call that are not in `kept`, with their records and what was wrong with them. */
export const removeReplies = Effect.fn("Superseded.replies")(function* (
  dir: string,
  rawResponse: string,
  kept: ReadonlySet<string>,
) {
  const names = yield* listFolder(dir)
  const stem = rawResponse.replace(/\.txt$/u, "")
  const files = names.flatMap((name) => {
    const [, reply] = /^(.+?(?:\.attempt\d+)?)\.(?:txt|call\.json|errors\.json)$/u.exec(name) ?? []
    return reply?.replace(/\.attempt\d+$/u, "") === stem ? [`${reply}.txt`] : []
  })
  for (const file of new Set(files)) {
    if (kept.has(file)) continue
    const isThere = names.includes(file)
    // A reply that somebody has changed keeps what belongs to it.
    if (isThere && !(yield* isReceived(dir, file))) continue
    const record = v.safeParse(replyRecordSchema, yield* readJson(join(dir, callFile(file))))
    const errors = v.safeParse(errorsSchema, yield* readJson(join(dir, errorsFile(file))))
    if (isThere) yield* removeFile(join(dir, file))
    if (record.success) yield* removeFile(join(dir, callFile(file)))
    if (errors.success) yield* removeFile(join(dir, errorsFile(file)))
  }
})

const { borders, readings, stage3, verify } = layout

/** Removes files of ours in a folder, as far as they are what runs have written last. */
const removeNamed = Effect.fn("Superseded.named")(function* (
  dir: string,
  names: ReadonlyArray<string>,
  recorded: (name: string) => string | undefined,
) {
  for (const name of names) {
    const digest = recorded(name)
    if (digest !== undefined)
      yield* removeRecorded({ path: join(dir, name), sha256: digest, limit: sizeLimit.text })
  }
})

/** Removes the picture of a contact sheet. */
const removeSheet = Effect.fn("Superseded.sheet")(function* (dir: string) {
  const sheet = yield* readSheet(dir)
  if (sheet === undefined) return
  const path = join(dir, borders.sheetPicture)
  yield* removeRecorded({ path, sha256: sheet.sha256, limit: sizeLimit.picture })
})

/** Removes what runs have made of one look at a border that is not wanted any more, and its folder if nothing else is in it. */
export const removeLevel = Effect.fn("Superseded.level")(function* (
  dir: string,
  recorded: (name: string) => string | undefined,
) {
  yield* removeSheet(dir)
  yield* removePictures(dir, yield* readManifest(dir), new Set())
  yield* removeReplies(dir, borders.call.rawResponse, new Set())
  const { systemPrompt, userPrompt } = borders.call
  yield* removeNamed(
    dir,
    [systemPrompt, userPrompt, borders.answer, borders.sheet, layout.frameManifest],
    recorded,
  )
  yield* removeIfEmpty(join(dir, layout.sampledFrames))
  yield* removeIfEmpty(dir)
  yield* removeIfEmpty(dirname(dir))
})

/** Removes the record of all parts of a stage, if it is what runs have written last, and its folder if nothing else is in it. */
export const removeRecord = Effect.fn("Superseded.record")(function* (
  path: string,
  recorded: string | undefined,
) {
  const dir = dirname(path)
  yield* removeNamed(dir, [basename(path)], () => recorded)
  yield* removeIfEmpty(dir)
})

/** Removes the trace of a call, and other files of ours in its folder, and that if nothing else is in it. */
const removeAsked = Effect.fn("Superseded.asked")(function* (
  dir: string,
  { rawResponse, systemPrompt, userPrompt }: typeof readings.call,
  names: ReadonlyArray<string>,
  recorded: (name: string) => string | undefined,
) {
  yield* removeReplies(dir, rawResponse, new Set())
  yield* removeNamed(dir, [systemPrompt, userPrompt, ...names], recorded)
  yield* removeIfEmpty(dir)
})

/** Removes what runs have made of one further reading of where steps are, and its folder if nothing else is in it. */
export const removeReading = (dir: string, recorded: (name: string) => string | undefined) =>
  removeAsked(dir, readings.call, [readings.answer], recorded)

/** Removes what runs have made of one look at whether a step is completed, and its folder if nothing else is in it. */
export const removeLook = (dir: string, recorded: (name: string) => string | undefined) =>
  removeAsked(dir, verify.call, [verify.answer, verify.refused], recorded)

/**
 * Removes what runs have made to check whether a step is completed, and its folder if nothing else is in it.
 *
 * @param dir `NN_<slug>/verify` as a key
 */
export const removeVerification = Effect.fn("Superseded.verification")(function* (
  dir: string,
  recorded: (path: string) => string | undefined,
) {
  for (const look of [1, 2]) {
    const name = basename(lookPath(look))
    yield* removeLook(join(dir, name), (file) => recorded(`${name}/${file}`))
  }
  yield* removeSheet(dir)
  yield* removeNamed(dir, [borders.sheet], recorded)
  yield* removeIfEmpty(dir)
})

/**
 * Removes what runs have made in the folder of a step that is no longer in the plan, and the folder if nothing else is in it.
 */
export const removeStep = Effect.fn("Superseded.step")(function* (
  dir: string,
  recorded: (name: string) => string | undefined,
) {
  const meta = v.safeParse(stepMetaSchema, yield* readJson(join(dir, stage3.meta)))
  yield* removeKeyframes(dir, meta.success ? meta.output : undefined, new Set())
  yield* removePictures(dir, yield* readManifest(dir), new Set())
  yield* removeReplies(dir, stage3.call.rawResponse, new Set())
  const named = [
    stage3.call.systemPrompt,
    stage3.call.userPrompt,
    stage3.final,
    stage3.meta,
    layout.frameManifest,
  ]
  yield* removeNamed(dir, named, recorded)
  yield* removeVerification(join(dir, verify.dir), (path) => recorded(`${verify.dir}/${path}`))
  yield* removeIfEmpty(join(dir, layout.sampledFrames))
  yield* removeIfEmpty(dir)
})
