import { Effect } from "effect"
import * as v from "valibot"
import {
  jsonText,
  listFolder,
  lookAt,
  readJson,
  readText,
  removeAbandoned,
  removeFile,
  writeFile,
  writeIfChanged,
} from "../dataset/store.ts"
import { parseJson } from "../files/json.ts"
import { sha256 } from "../plan/fingerprint.ts"

/**
 * What the folders of videos cannot tell: which videos there are to work on, and which failed without leaving a folder.
 * `<output root>/.batch/videos.jsonl` has a line for each input of the last run; `.batch/failed/<video id>.json` says why a
 * video failed, until it is done. Any number of processes may write here at the same time.
 */
export const batchFolder = ".batch"

/** Requests that were submitted as batches, and what came of them. */
export const modelBatchesFolder = `${batchFolder}/api`

const inputsKey = `${batchFolder}/videos.jsonl`
const failedFolder = `${batchFolder}/failed`

/** An id that is as long as a name may be leaves no room for an ending. */
const longestName = 200

const failedKey = (videoId: string): string =>
  `${failedFolder}/${Buffer.byteLength(videoId) > longestName ? sha256(videoId) : videoId}.json`

const failureSchema = v.strictObject({
  video_id: v.string(),
  /** Absolute. */
  source_video: v.string(),
  /** Null if it failed outside of a stage. */
  stage: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1))),
  /** A word from a closed list, such as `NotAVideo` or `AnswerRejected`. */
  reason: v.string(),
  message: v.string(),
  /** ISO 8601, UTC. */
  failed_at_utc: v.string(),
})

/** Why a video failed when it was last tried. */
export type FailureRecord = v.InferOutput<typeof failureSchema>

/** Why something of an input cannot be worked on. */
export const refusalReasons = ["BadName", "NotReadable"] as const

/** An input of a run: a video, or what was meant to be one and cannot be worked on. */
const inputSchema = v.strictObject({
  /** What its folder is called; null where it can have none. */
  video_id: v.nullable(v.string()),
  /** Absolute. */
  source_video: v.string(),
  /** Why it cannot be worked on. */
  refused: v.optional(v.strictObject({ reason: v.picklist(refusalReasons), message: v.string() })),
})

export type InputRecord = v.InferOutput<typeof inputSchema>

/** Notes the inputs of a run, all of them, whatever part of them it works on; removes what a crash left here long ago. */
export const writeInputs = Effect.fn("Batch.writeInputs")(function* (inputs: ReadonlyArray<InputRecord>) {
  yield* removeAbandoned(batchFolder)
  yield* removeAbandoned(failedFolder)
  const lines = inputs.map((input) => `${JSON.stringify(input)}\n`)
  yield* writeIfChanged(inputsKey, lines.join(""))
})

/** Inputs of the last run that noted them; undefined if none did. A line that cannot be read is left out. */
export const readInputs = Effect.map(readText(inputsKey), (text): ReadonlyArray<InputRecord> | undefined =>
  text?.split("\n").flatMap((line) => {
    const parsed = v.safeParse(inputSchema, parseJson(line))
    return parsed.success ? [parsed.output] : []
  }),
)

export const writeFailure = (failure: FailureRecord) =>
  writeFile(failedKey(failure.video_id), jsonText(failure))

/** Whether it is noted that a video failed. */
export const hasFailure = (videoId: string) =>
  Effect.map(lookAt(failedKey(videoId)), (found) => found !== undefined)

/** Forgets that a video failed; nothing happens if it did not. */
export const clearFailure = (videoId: string) => removeFile(failedKey(videoId))

/** The videos that failed when they were last tried, in order of id. Records that cannot be read are left out. */
export const readFailures = Effect.gen(function* () {
  const failures: Array<FailureRecord> = []
  for (const name of yield* listFolder(failedFolder)) {
    if (!name.endsWith(".json")) continue
    const json = yield* Effect.catchTag(readJson(`${failedFolder}/${name}`), "DatasetError", ({ message }) =>
      Effect.as(Effect.logWarning(message), undefined),
    )
    const parsed = v.safeParse(failureSchema, json)
    if (parsed.success) failures.push(parsed.output)
  }
  return failures
}).pipe(Effect.withSpan("Batch.failures"))
