import { randomBytes } from "node:crypto"
import { readdir, rm, rmdir } from "node:fs/promises"
import { dirname, join } from "node:path"
import * as v from "valibot"
import { onCode } from "../../files/fault.ts"
import { parseJson } from "../../files/json.ts"
import { isFileFault, kindAt, readPlain, requireFoldersWithin } from "../../files/plain.ts"
import {
  appendDurably,
  dropTemporary,
  giveName,
  isTemporary,
  temporaryPath,
  writeNew,
} from "../../files/whole.ts"
import type { ModelUsage } from "../VisionModel.ts"
import { BatchDamaged } from "./disk.ts"
import type { UnderWay } from "./ModelBatches.ts"

/**
 * What is on disk of a batch, in a folder of its own. In order of their making: `input.jsonl` is what is submitted, gone once its
 * batch has begun; `requests.jsonl` says what is in it; `batch.json` how it stands; `output.jsonl` and `errors.jsonl` are what came
 * of it; `used.txt` has the ids of the lines that a video has taken. A folder without `batch.json` was never submitted.
 */
export const batchFile = {
  input: "input.jsonl",
  requests: "requests.jsonl",
  state: "batch.json",
  output: "output.jsonl",
  errors: "errors.jsonl",
  used: "used.txt",
} as const

const count = v.pipe(v.number(), v.integer(), v.minValue(0))

/** One request of a batch: whose it is, and what it is thought to take. */
const requestSchema = v.strictObject({
  custom_id: v.string(),
  video_id: v.string(),
  stage: v.pipe(count, v.minValue(1)),
  step: v.nullable(count),
  attempt: v.pipe(count, v.minValue(1)),
  prompt_tokens: v.nullable(count),
  completion_tokens: v.nullable(count),
  /** Digest by which the videos' records know it. */
  request_sha256: v.exactOptional(v.string()),
})
export type BatchedRequest = v.InferOutput<typeof requestSchema>

/** What a request is thought to take. */
export const estimateOf = ({ completion_tokens, prompt_tokens }: BatchedRequest): ModelUsage => ({
  prompt_tokens,
  cached_tokens: 0,
  completion_tokens,
  reasoning_tokens: null,
})

const stateSchema = v.strictObject({
  /**
   * `written`: not yet submitted, and no more wanted once the command has ended. `creating`: the service has the file, and may have
   * been told to begin. `under_way`: it has begun. `ended`: nothing more comes.
   */
  state: v.picklist(["written", "creating", "under_way", "ended"]),
  /** Address of the service, without secrets. */
  service: v.string(),
  model: v.string(),
  /** What its requests are for, as in `/v1/chat/completions`. */
  url: v.string(),
  input_sha256: v.string(),
  input_bytes: count,
  requests: count,
  /** What the service calls the file, where that is submitted by itself. */
  input_file_id: v.exactOptional(v.string()),
  /** The newest batch that the service had before this one, where one is found by that; empty if it had none. */
  newest_batch_id: v.exactOptional(v.string()),
  batch_id: v.exactOptional(v.string()),
  /** The service's own word for how it stands. */
  status: v.exactOptional(v.string()),
  /** Seconds since 1970, by the service's clock. */
  created_at: v.exactOptional(v.number()),
  ended_at: v.exactOptional(v.number()),
  /** Why the service refused it as a whole. */
  problem: v.exactOptional(v.string()),
  /** It was refused because too much waited at the service: other batches of ours, or nothing but itself as far as is known. */
  queue_full: v.exactOptional(v.picklist(["beside_others", "alone"])),
})
export type BatchState = v.InferOutput<typeof stateSchema>

/** A batch as it stands on disk. */
export interface BatchRecord {
  /** Absolute path of its folder. */
  readonly folder: string
  readonly state: BatchState
  readonly requests: ReadonlyArray<BatchedRequest>
  /** Ids of lines that were taken. */
  readonly used: ReadonlySet<string>
}

const mostStateBytes = 1 << 20
/** 50,000 requests have about 12 MB. */
const mostListBytes = 256 << 20

/** The name of a new batch's folder: in order of time, and never the same twice. */
export const newBatchName = (now: Date): string =>
  `${now.toISOString().replaceAll(/[-:.]/gu, "")}-${randomBytes(4).toString("hex")}`

const isBatchName = (name: string): boolean => /^\d{8}T\d{6}(?:\d{3})?Z-[0-9a-f]{8}$/u.test(name)

const textOf = async (path: string, limit: number): Promise<string | undefined> =>
  (await readPlain(path, limit).catch(onCode(undefined, "ENOENT")))?.toString()

/** Puts a text where another may be, whole. */
const replaceFile = async (path: string, text: string): Promise<void> => {
  const temporary = temporaryPath(path)
  try {
    await writeNew(temporary, text)
    await giveName(temporary, path)
  } catch (cause) {
    await dropTemporary(temporary)
    throw cause
  }
}

export const writeState = (folder: string, state: BatchState): Promise<void> =>
  replaceFile(join(folder, batchFile.state), `${JSON.stringify(state, null, 2)}\n`)

/** Writes what is in a batch, before its state: with that it counts as written. */
export const writeRequests = (folder: string, requests: ReadonlyArray<BatchedRequest>): Promise<void> =>
  replaceFile(
    join(folder, batchFile.requests),
    requests.map((request) => `${JSON.stringify(request)}\n`).join(""),
  )

/** Notes that a line was taken: it is not given again. */
export const noteUsed = (folder: string, customId: string): Promise<void> =>
  appendDurably(join(folder, batchFile.used), `${customId}\n`)

const linesIn = (text: string): ReadonlyArray<string> => text.split("\n").filter((line) => line !== "")

const damaged = (path: string, folder: string): BatchDamaged =>
  new BatchDamaged(
    `${path} is damaged, and with it what is known of a batch; look at the service which batches there are, then remove ${folder} to ask anew`,
  )

const readState = async (folder: string): Promise<BatchState | undefined> => {
  const path = join(folder, batchFile.state)
  const text = await textOf(path, mostStateBytes)
  if (text === undefined) return undefined
  const state = v.safeParse(stateSchema, parseJson(text))
  if (!state.success) throw damaged(path, folder)
  return state.output
}

/** Reads a batch; undefined if it was never written to its end. Throws `BatchDamaged`. */
const readBatch = async (folder: string): Promise<BatchRecord | undefined> => {
  const state = await readState(folder)
  if (state === undefined) return undefined
  const path = join(folder, batchFile.requests)
  const requests = linesIn((await textOf(path, mostListBytes)) ?? "").flatMap((line) => {
    const parsed = v.safeParse(requestSchema, parseJson(line))
    return parsed.success ? [parsed.output] : []
  })
  // What is not known to be under way would be asked for once more.
  if (requests.length !== state.requests) throw damaged(path, folder)
  const used = new Set(linesIn((await textOf(join(folder, batchFile.used), mostListBytes)) ?? ""))
  return { folder, state, requests, used }
}

const fileNames: ReadonlySet<string> = new Set(Object.values(batchFile))

/** Removes a batch: its files, and its folder unless somebody else has put something into it. */
export const removeBatch = async (folder: string): Promise<void> => {
  const none: ReadonlyArray<string> = []
  const names = await readdir(folder).catch(onCode(none, "ENOENT"))
  for (const name of names.filter((one) => fileNames.has(one) || isTemporary(one)))
    if ((await kindAt(join(folder, name)))?.isDirectory() === false)
      await rm(join(folder, name), { force: true })
  await rmdir(folder).catch(onCode(undefined, "ENOENT", "ENOTEMPTY", "EEXIST"))
}

/** Folders of batches, in order of time. Fails with `NotPlain` if a link leads to them. */
const batchFolders = async (root: string): Promise<ReadonlyArray<string>> => {
  await requireFoldersWithin(dirname(dirname(root)), join(root, batchFile.state))
  const none: ReadonlyArray<string> = []
  const names = await readdir(root).catch(onCode(none, "ENOENT"))
  const folders: Array<string> = []
  for (const name of names.filter(isBatchName).toSorted())
    if ((await kindAt(join(root, name)))?.isDirectory() === true) folders.push(join(root, name))
  return folders
}

const wasSubmitted = (record: BatchRecord | undefined): record is BatchRecord =>
  record !== undefined && record.state.state !== "written"

/** All batches in a folder, in order of time. What was never submitted is removed: it was not paid for. */
export const readBatches = async (root: string): Promise<ReadonlyArray<BatchRecord>> => {
  const records: Array<BatchRecord> = []
  for (const folder of await batchFolders(root)) {
    const record = await readBatch(folder)
    if (wasSubmitted(record)) records.push(record)
    else await removeBatch(folder)
  }
  return records
}

/** The same, and nothing is touched. */
export const lookAtBatches = async (root: string): Promise<ReadonlyArray<BatchRecord>> =>
  (await Promise.all((await batchFolders(root)).map(readBatch))).filter(wasSubmitted)

/** Batches and requests that are under way, as far as that can be read; nothing is touched. */
export const underWayIn = async (root: string): Promise<UnderWay> => {
  const none: ReadonlyArray<string> = []
  const folders = await batchFolders(root).catch((cause: unknown) => {
    if (isFileFault(cause)) return none
    throw cause
  })
  let [batches, requests] = [0, 0]
  for (const folder of folders) {
    const state = await readState(folder).catch((cause: unknown) => {
      if (cause instanceof BatchDamaged || isFileFault(cause)) return undefined
      throw cause
    })
    if (state?.state !== "under_way" && state?.state !== "creating") continue
    batches++
    requests += state.requests
  }
  return { batches, requests }
}
