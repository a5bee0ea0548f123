import { rm } from "node:fs/promises"
import { basename, join } from "node:path"
import { Effect } from "effect"
import { dropTemporary, giveName, temporaryPath } from "../../files/whole.ts"
import { connectionFault } from "../client/connection-fault.ts"
import { repeated } from "../client/repeated.ts"
import type { Redact } from "../redaction.ts"
import { ModelError } from "../VisionModel.ts"
import { type FileLimits, type Head, InputFile, lineBytes, type WholeRequest } from "./input-file.ts"
import {
  BatchDamaged,
  type BatchedRequest,
  type BatchRecord,
  type BatchState,
  batchFile,
  noteUsed,
  readBatches,
  writeState,
} from "./record.ts"
import { type Located, type Result, readResult, resultsIn } from "./results.ts"
import type { BatchService, RemoteBatch } from "./service.ts"

/** How requests are handed in. */
export interface BatchSettings {
  /** Absolute path of the folder that has all batches of an output root. */
  readonly folder: string
  readonly limits: FileLimits
}

/** A result that has not been taken, and of which batch. */
export interface Arrived {
  readonly result: Result
  /** From the batch's beginning to its end, as the service says; 0 if it does not. */
  readonly latencyMs: number
}

/** What the keeper of the money is told. */
export interface Accounts {
  /** Before a request is handed in; fails if there is no money for it. */
  readonly reserve: (request: BatchedRequest) => Effect.Effect<void, ModelError>
  /** A request was handed in by an earlier command, and is under way. */
  readonly isOut: (request: BatchedRequest) => Effect.Effect<void>
  /** What came of a request; undefined if nothing did, and nothing was taken. */
  readonly settle: (request: BatchedRequest, result: Result | undefined) => Effect.Effect<void>
}

interface Unused {
  readonly read: () => Promise<Result | undefined>
  readonly folder: string
  readonly latencyMs: number
}

/** What is asked of the disk can fail; what is damaged is said as it is. */
const onDisk = <A>(work: () => Promise<A>, redact: Redact): Effect.Effect<A, ModelError> =>
  Effect.tryPromise({
    try: work,
    catch: (cause) =>
      cause instanceof BatchDamaged
        ? new ModelError({ reason: "Rejected", message: cause.message })
        : connectionFault(cause, false, redact),
  })

const latencyOf = ({ created_at: from, ended_at: to }: BatchState): number =>
  from === undefined || to === undefined ? 0 : Math.max(0, (to - from) * 1000)

const withRemote = (state: BatchState, remote: RemoteBatch): BatchState => ({
  ...state,
  batch_id: remote.id,
  status: remote.status,
  ...(remote.createdAt === undefined ? {} : { created_at: remote.createdAt }),
  ...(remote.endedAt === undefined ? {} : { ended_at: remote.endedAt }),
  ...(remote.problem === undefined ? {} : { problem: remote.problem }),
})

/** What `makeBatches` gives. */
export type Batches = Effect.Effect.Success<ReturnType<typeof makeBatches>>

/**
 * All batches of an output root: what is under way, what has come back, and the file that is being filled. Its state is on disk before
 * anything depends on it, so that a crash at any moment neither loses a reply nor has one asked for twice.
 */
export const makeBatches = Effect.fn("BatchApi.open")(function* (
  { folder, limits }: BatchSettings,
  head: Head,
  service: BatchService,
  accounts: Accounts,
  {
    redact,
    ...retries
  }: {
    readonly redact: Redact
    readonly callRetries: number
    readonly callRetryBackoffSec: number
  },
) {
  /** By folder: those that have not ended. */
  const open = new Map<string, BatchRecord>()
  /** Ids of requests that are in one of them, or in the file that is being filled. */
  const waiting = new Set<string>()
  const arrived = new Map<string, Unused>()
  let filling: InputFile | undefined
  /** One at a time changes files. */
  const alone = (yield* Effect.makeSemaphore(1)).withPermits(1)

  const store = Effect.fnUntraced(function* (record: BatchRecord, state: BatchState) {
    yield* onDisk(() => writeState(record.folder, state), redact)
    const next = { ...record, state }
    open.set(record.folder, next)
    return next
  })

  /** Takes in what came of a batch that has ended: for each request at most one result, an answer before a fault. */
  const take = Effect.fnUntraced(function* (record: BatchRecord) {
    const { folder: dir, requests, state, used } = record
    const results = new Map<string, { readonly result: Result; readonly at: Located }>()
    // Whoever is refused as a whole has no results: each of its requests is told why.
    const refusal: Result | undefined =
      state.status === "failed"
        ? { type: "fault", code: "batch_failed", message: state.problem ?? "it does not say why" }
        : undefined
    yield* onDisk(async () => {
      for (const name of [batchFile.output, batchFile.errors])
        for await (const { id, at, result } of resultsIn(join(dir, name)))
          if (results.get(id)?.result.type !== "answer") results.set(id, { result, at })
    }, redact)
    for (const request of requests) {
      const { custom_id: id } = request
      const found = results.get(id)
      waiting.delete(id)
      yield* accounts.settle(request, found?.result)
      if (used.has(id) || (found ?? refusal) === undefined) continue
      const read = () => (found === undefined ? Promise.resolve(refusal) : readResult(found.at))
      arrived.set(id, { read, folder: dir, latencyMs: latencyOf(state) })
    }
    open.delete(dir)
    return refusal === undefined ? results.size : requests.length
  })

  const fetched = Effect.fnUntraced(function* (id: string | undefined, path: string) {
    if (id === undefined) return
    const temporary = temporaryPath(path)
    yield* repeated(
      Effect.zipRight(
        Effect.promise(() => dropTemporary(temporary)),
        service.download(id, temporary),
      ),
      retries,
    ).pipe(Effect.onError(() => Effect.promise(() => dropTemporary(temporary))))
    yield* onDisk(() => giveName(temporary, path), redact)
  })

  /** Fetches what a batch that has ended has left, finished or not: expired and cancelled ones have results too. */
  const end = Effect.fnUntraced(function* (record: BatchRecord, remote: RemoteBatch) {
    yield* fetched(remote.outputFileId, join(record.folder, batchFile.output))
    yield* fetched(remote.errorFileId, join(record.folder, batchFile.errors))
    const ended = yield* store(record, { ...withRemote(record.state, remote), state: "ended" })
    const came = yield* take(ended)
    const lost = record.state.requests - came
    const name = basename(record.folder)
    if (lost > 0)
      yield* Effect.logWarning(
        `batch ${name} (${remote.id}) has ended as ${remote.status} without results for ${lost} of ${record.state.requests} requests: they are asked anew${remote.problem === undefined ? "" : `. It said: ${remote.problem}`}`,
      )
  })

  /** Whether the service has a batch of this file already: after a crash, or after an answer that was lost, nobody knows. */
  const findOrCreate = Effect.fnUntraced(function* (state: BatchState, isNew: boolean) {
    const { input_file_id: fileId, input_sha256: tag, url } = state
    if (fileId === undefined) return yield* Effect.dieMessage("a batch is created of a file that is there")
    const find = Effect.mapError(repeated(service.find(tag), retries), (error) =>
      error.rejection === "not_found"
        ? new ModelError({
            reason: "Rejected",
            rejection: "not_found",
            message: `the service does not list its batches, so that nobody can tell whether one was created of the file ${fileId}; look there, and remove its folder below ${folder} if there is none`,
          })
        : error,
    )
    let known = isNew ? undefined : yield* find
    for (let tries = 0; known === undefined; tries++) {
      const made = yield* Effect.either(service.create(fileId, url, tag))
      if (made._tag === "Right") return made.right
      const { left: error } = made
      const isUnsure = error.reason === "Transient" && error.mayBePaid === true
      if (error.reason !== "Transient" && error.reason !== "Throttled") return yield* error
      if (tries >= retries.callRetries) return yield* error
      yield* Effect.sleep(`${retries.callRetryBackoffSec * 2 ** tries} seconds`)
      if (isUnsure) known = yield* find
    }
    return known
  })

  /** Brings a batch from the disk to the service, from wherever it stands. */
  const handIn = Effect.fnUntraced(function* (written: BatchRecord) {
    let record = written
    const isNew = record.state.state === "written"
    if (isNew) {
      const name = `triptych-${record.state.input_sha256.slice(0, 32)}.jsonl`
      const fileId = yield* repeated(service.upload(join(record.folder, batchFile.input), name), retries)
      record = yield* store(record, { ...record.state, state: "creating", input_file_id: fileId })
    }
    const remote = yield* Effect.tapError(findOrCreate(record.state, isNew), (error) =>
      // What was refused was not created: it can be handed in another time, also as another file.
      error.reason === "Rejected" && error.rejection !== "not_found"
        ? Effect.ignore(store(record, written.state))
        : Effect.void,
    )
    yield* store(record, { ...withRemote(record.state, remote), state: "under_way" })
    yield* onDisk(() => rm(join(record.folder, batchFile.input), { force: true }), redact)
  })

  const finishFile = Effect.fnUntraced(function* () {
    const file = filling
    if (file === undefined) return
    const { requests, state } = yield* onDisk(() => file.finish(), redact)
    filling = undefined
    open.set(file.folder, { folder: file.folder, state, requests, used: new Set() })
  })

  const notHandedIn = ({ folder: dir, state }: BatchRecord, error: ModelError): ModelError =>
    new ModelError({
      ...error,
      message: `a batch of ${state.requests} requests could not be handed in: ${error.message}. It is kept in ${dir}: the next run hands it in, or asks anew once that folder is removed`,
    })

  const isOurs = ({ state }: BatchRecord): boolean => state.service === head.service

  const handInAll = Effect.fnUntraced(function* () {
    for (const record of [...open.values()].filter(isOurs))
      if (record.state.state === "written" || record.state.state === "creating")
        yield* Effect.mapError(handIn(record), (error) => notHandedIn(record, error))
  })

  const putIntoFile = Effect.fnUntraced(function* (whole: WholeRequest) {
    yield* accounts.reserve(whole.request)
    yield* onDisk(async () => {
      filling ??= await InputFile.begin(folder, head)
      await filling.add(whole)
    }, redact).pipe(Effect.onError(() => accounts.settle(whole.request, undefined)))
    waiting.add(whole.request.custom_id)
  })

  /** Adds a request to those that will be handed in. A file that has no room for it is handed in first. */
  const add = (whole: WholeRequest) =>
    Effect.gen(function* () {
      const { custom_id: id } = whole.request
      if (waiting.has(id)) return
      const bytes = lineBytes(whole, head)
      if (bytes > limits.maxBytes)
        return yield* new ModelError({
          reason: "Rejected",
          rejection: "too_large",
          message: `the request has ${bytes} bytes, and a file of a batch may have ${limits.maxBytes}; send smaller pictures with --send-max-side, or fewer with --max-frames`,
        })
      if (filling?.hasRoom(bytes, limits) === false) {
        yield* finishFile()
        yield* handInAll()
      }
      yield* Effect.uninterruptible(putIntoFile(whole))
    }).pipe(alone)

  const submit = Effect.zipRight(finishFile(), handInAll()).pipe(alone, Effect.withSpan("BatchApi.submit"))

  const unknownBatch = ({ folder: dir }: BatchRecord, id: string): ModelError =>
    new ModelError({
      reason: "Rejected",
      rejection: "not_found",
      message: `the service knows no batch ${id}: is this the key that it was handed in with? If it is gone for good, remove ${dir} to ask anew`,
    })

  const collect = Effect.gen(function* () {
    let ended = 0
    for (const record of [...open.values()].filter(isOurs)) {
      const { batch_id: id, state } = record.state
      if (state !== "under_way" || id === undefined) continue
      const remote = yield* Effect.mapError(repeated(service.look(id), retries), (error) =>
        error.rejection === "not_found" ? unknownBatch(record, id) : error,
      )
      if (remote.hasEnded) {
        yield* end(record, remote)
        ended++
      } else if (remote.status !== record.state.status) yield* store(record, withRemote(record.state, remote))
    }
    return ended
  }).pipe(alone, Effect.withSpan("BatchApi.collect"))

  /** What has come for a request and was not taken. */
  const arrival = Effect.fnUntraced(function* (id: string) {
    const unused = arrived.get(id)
    if (unused === undefined) return undefined
    const result = yield* onDisk(unused.read, redact)
    return result === undefined ? undefined : ({ result, latencyMs: unused.latencyMs } satisfies Arrived)
  })

  /** A result is on disk where it belongs, or was told: it is not given again. */
  const used = Effect.fnUntraced(function* (id: string) {
    const unused = arrived.get(id)
    if (unused === undefined) return
    yield* onDisk(() => noteUsed(unused.folder, id), redact)
    arrived.delete(id)
  })

  const underWay = Effect.sync(() => {
    const requests = [...open.values()].reduce((sum, { state }) => sum + state.requests, 0)
    return { batches: open.size, requests }
  })

  for (const record of yield* onDisk(() => readBatches(folder), redact)) {
    open.set(record.folder, record)
    if (record.state.state === "ended") {
      yield* take(record)
      continue
    }
    for (const request of record.requests) {
      waiting.add(request.custom_id)
      yield* accounts.isOut(request)
    }
  }
  const others = [...open.values()].filter((record) => !isOurs(record))
  if (others.length > 0)
    yield* Effect.logWarning(
      `${others.length === 1 ? "a batch is" : `${others.length} batches are`} under way at ${[...new Set(others.map(({ state }) => state.service))].join(", ")}; only a run with that --api-base fetches what came of it`,
    )
  // What was not handed in was not paid for: the next run puts it together anew.
  yield* Effect.addFinalizer(() => Effect.promise(async () => filling?.drop()))

  return { add, arrival, used, isUnderWay: (id: string) => waiting.has(id), submit, collect, underWay }
})
