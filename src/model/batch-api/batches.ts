import { basename, join } from "node:path"
import { Effect } from "effect"
import { dropTemporary, giveName, temporaryPath } from "../../files/whole.ts"
import type { WarnOnce } from "../client/calling.ts"
import type { Charge } from "../client/charge.ts"
import { repeated } from "../client/repeated.ts"
import { ModelError } from "../VisionModel.ts"
import type { Accounts } from "./accounts.ts"
import { makeArrivals } from "./arrivals.ts"
import { onDisk } from "./disk.ts"
import { eachInTurn } from "./each-in-turn.ts"
import { type FileLimits, type Head, InputFile, lineBytes, type WholeRequest } from "./input-file.ts"
import {
  type BatchRecord,
  type BatchState,
  batchFile,
  readBatches,
  removeBatch,
  writeState,
} from "./record.ts"
import { isKnownStatus, type RemoteBatch } from "./remote.ts"
import type { BatchService } from "./service.ts"
import { makeSubmission, type Retries, withRemote } from "./submission.ts"

/** How requests are submitted. */
export interface BatchSettings {
  /** Absolute path of the folder that has all batches of an output root. */
  readonly folder: string
  readonly limits: FileLimits
}

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
  retries: Retries,
  warnOnce: WarnOnce,
) {
  /** By folder: those that have not ended. */
  const open = new Map<string, BatchRecord>()
  /** Ids of requests that are in one of them at this service, or in the file that is being filled. */
  const waiting = new Set<string>()
  /** How many batches were completed without a result for a request. */
  const losses = new Map<string, number>()
  const arrivals = makeArrivals(accounts.chargeFor)
  let filling: InputFile | undefined
  /** One at a time changes files. */
  const alone = (yield* Effect.makeSemaphore(1)).withPermits(1)

  const store = Effect.fnUntraced(function* (record: BatchRecord, state: BatchState) {
    yield* onDisk(record.folder, () => writeState(record.folder, state))
    const next = { ...record, state }
    open.set(record.folder, next)
    return next
  })
  const submission = makeSubmission(service, retries, store)

  const isOurs = ({ state }: BatchRecord): boolean => state.service === head.service
  const inState = (...states: ReadonlyArray<BatchState["state"]>) =>
    [...open.values()].filter((record) => isOurs(record) && states.includes(record.state.state))

  /** Its requests are waited for no more. */
  const release = Effect.fnUntraced(function* (
    { folder: dir, requests }: BatchRecord,
    chargeOf: (id: string) => Charge | undefined,
  ) {
    for (const request of requests) {
      waiting.delete(request.custom_id)
      yield* accounts.settle(request, chargeOf(request.custom_id))
    }
    open.delete(dir)
  })

  /** Nothing more comes of a batch. What one has not come to that the service did not finish is no loss: nobody has paid for it. */
  const close = Effect.fnUntraced(function* (record: BatchRecord) {
    const { chargeOf, lost, strangers } = yield* arrivals.take(record)
    if (record.state.status === "completed") for (const id of lost) losses.set(id, (losses.get(id) ?? 0) + 1)
    yield* release(record, chargeOf)
    return { lost, strangers }
  })

  /** What the service never began: its requests are asked for as if they had never been. */
  const giveUp = Effect.fnUntraced(function* (record: BatchRecord) {
    yield* onDisk(record.folder, () => removeBatch(record.folder))
    yield* release(record, () => undefined)
  })

  /** Fetches a file of results; gives how many lines it has. */
  const fetched = Effect.fnUntraced(function* (record: BatchRecord, id: string | undefined, name: string) {
    if (id === undefined) return 0
    const path = join(record.folder, name)
    const temporary = temporaryPath(path)
    const drop = Effect.promise(() => dropTemporary(temporary))
    const lines = yield* repeated(Effect.zipRight(drop, service.download(id, temporary)), retries).pipe(
      Effect.onError(() => drop),
      Effect.mapError((error) => notFetched(record, id, error)),
    )
    yield* onDisk(path, () => giveName(temporary, path))
    return lines
  })

  const notFetched = ({ folder: dir, state }: BatchRecord, id: string, error: ModelError): ModelError =>
    new ModelError({
      ...error,
      message:
        error.rejection === "not_found"
          ? `the service has the results of the batch ${state.batch_id} no more (file ${id}); remove ${dir} to ask anew`
          : `the results of the batch ${state.batch_id} could not be fetched: ${error.message}`,
    })

  /** Fetches what a batch that has ended has left, finished or not: expired and cancelled ones have results too. */
  const end = Effect.fnUntraced(function* (record: BatchRecord, remote: RemoteBatch) {
    const { requests } = record.state
    const lines =
      (yield* fetched(record, remote.outputFileId, batchFile.output)) +
      (yield* fetched(record, remote.errorFileId, batchFile.errors))
    if (lines < Math.min(requests, remote.answered ?? 0))
      return yield* new ModelError({
        reason: "Transient",
        message: `the service says that the batch ${remote.id} has ${remote.answered} answers, and its files have ${lines}: they are fetched again at the next look; remove ${record.folder} to give it up`,
      })
    const ended = yield* store(record, { ...withRemote(record.state, remote), state: "ended" })
    const { lost, strangers } = yield* close(ended)
    if (lost.length === 0) return
    const said = remote.problem === undefined ? "" : `. It said: ${remote.problem}`
    const others = strangers === 0 ? "" : `, and with ${strangers} for none of them`
    yield* Effect.logWarning(
      `batch ${basename(record.folder)} (${remote.id}) has ended as ${remote.status} without results for ${lost.length} of ${requests} requests${others}: they are asked anew${said}`,
    )
  })

  const finishFile = Effect.fnUntraced(function* () {
    const file = filling
    if (file === undefined || file.isEmpty) return
    const { requests, state } = yield* onDisk(file.folder, () => file.finish())
    filling = undefined
    open.set(file.folder, { folder: file.folder, state, requests, used: new Set() })
  })

  const notSubmitted = (folderOf: string, error: ModelError): ModelError => {
    const { requests = 0, state } = open.get(folderOf)?.state ?? {}
    const next =
      state === "creating"
        ? "Whether the service has begun it, the next run asks there"
        : "Nothing was asked: the next run puts it together anew"
    return new ModelError({
      ...error,
      message: `a batch of ${requests} requests could not be submitted: ${error.message}. ${next}`,
    })
  }

  const submitAll = Effect.suspend(() =>
    eachInTurn(inState("written", "creating"), (record) =>
      Effect.mapError(submission.submit(record), (error) => notSubmitted(record.folder, error)),
    ),
  )

  const putIntoFile = Effect.fnUntraced(function* (whole: WholeRequest) {
    yield* accounts.reserve(whole.request)
    yield* onDisk(folder, async () => {
      filling ??= await InputFile.begin(folder, head)
      await filling.add(whole)
    }).pipe(Effect.onError(() => accounts.settle(whole.request, undefined)))
    waiting.add(whole.request.custom_id)
  })

  const tooLarge = (bytes: number): ModelError =>
    new ModelError({
      reason: "Rejected",
      rejection: "too_large",
      message: `the request has ${bytes} bytes, and a file of a batch may have ${limits.maxBytes}; send smaller images with --send-max-side, or fewer with --max-frames`,
    })

  const lostTooOften = (times: number): ModelError =>
    new ModelError({
      reason: "Rejected",
      message: `${times} batches were completed without a result for this request, and each of them may have been paid for; look at the service what is in their files, and remove their folders below ${folder} to ask again`,
    })

  /** Adds a request to those that will be submitted. A file that has no room for it is submitted first. */
  const add = (whole: WholeRequest) =>
    Effect.gen(function* () {
      const { custom_id: id } = whole.request
      if (waiting.has(id)) return
      const lost = losses.get(id) ?? 0
      if (lost > retries.callRetries) return yield* lostTooOften(lost)
      const bytes = lineBytes(whole, head)
      if (bytes > limits.maxBytes) return yield* tooLarge(bytes)
      if (filling?.hasRoom(bytes, limits) === false) {
        yield* Effect.uninterruptible(finishFile())
        yield* submitAll
      }
      yield* Effect.uninterruptible(putIntoFile(whole))
    }).pipe(alone)

  const submit = Effect.zipRight(Effect.uninterruptible(finishFile()), submitAll).pipe(
    alone,
    Effect.withSpan("BatchApi.submit"),
  )

  const unknownBatch = ({ folder: dir, state }: BatchRecord): ModelError =>
    new ModelError({
      reason: "Rejected",
      rejection: "not_found",
      message: `the service knows no batch ${state.batch_id}: is this the key that it was submitted with? If it is gone for good, remove ${dir} to ask anew`,
    })

  /** What is worth saying of a batch from which something is still to come. */
  const anomalyOf = (
    { folder: dir }: BatchRecord,
    { id, isLate, status }: RemoteBatch,
  ): string | undefined => {
    if (isLate)
      return `the service says that batch ${id} is ${status}, and names no file with its answers yet: it is looked at again; if that stays so, remove ${dir} to ask anew`
    return isKnownStatus(status)
      ? undefined
      : `the service says that batch ${id} is "${status}", which is no word for a batch that is known here: it is waited for; if nothing more comes of it, remove ${dir} to ask anew`
  }

  /** Looks at one that is under way, and fetches what there is; whether it has ended. */
  const lookAt = Effect.fnUntraced(function* (record: BatchRecord) {
    const { batch_id: id, status } = record.state
    if (id === undefined) return yield* Effect.dieMessage("a batch that is under way has an id")
    const remote = yield* Effect.mapError(repeated(service.look(id), retries), (error) =>
      error.rejection === "not_found" ? unknownBatch(record) : error,
    )
    if (remote.hasEnded) {
      yield* end(record, remote)
      return true
    }
    const anomaly = anomalyOf(record, remote)
    if (anomaly !== undefined) yield* warnOnce(anomaly)
    if (remote.status !== status) yield* store(record, withRemote(record.state, remote))
    return false
  })

  const collect = Effect.gen(function* () {
    let ended = 0
    yield* eachInTurn(inState("creating", "under_way"), (record) =>
      Effect.gen(function* () {
        let begun = record
        if (record.state.state === "creating") {
          const known = yield* submission.find(record)
          if (known === undefined) {
            yield* giveUp(record)
            ended++
            return
          }
          begun = yield* submission.begun(record, known)
        }
        if (yield* lookAt(begun)) ended++
      }),
    ).pipe(Effect.catchAll((error) => (ended > 0 ? warnOnce(error.message) : error)))
    return ended
  }).pipe(alone, Effect.withSpan("BatchApi.collect"))

  const underWay = Effect.sync(() => {
    const ours = inState("creating", "under_way")
    return { batches: ours.length, requests: ours.reduce((sum, { state }) => sum + state.requests, 0) }
  })

  for (const record of yield* onDisk(folder, () => readBatches(folder))) {
    if (record.state.state === "ended") {
      yield* close(record)
      continue
    }
    open.set(record.folder, record)
    for (const request of record.requests) {
      if (isOurs(record)) waiting.add(request.custom_id)
      accounts.isOut(request)
    }
  }
  const others = [...open.values()].filter((record) => !isOurs(record))
  if (others.length > 0)
    yield* Effect.logWarning(
      `${others.length === 1 ? "a batch is" : `${others.length} batches are`} under way at ${[...new Set(others.map(({ state }) => state.service))].join(", ")}; only a run with that --api-base fetches what came of it`,
    )
  // What was not submitted was not paid for: the next run puts it together anew.
  yield* Effect.addFinalizer(() =>
    Effect.ignoreLogged(
      onDisk(folder, async () => {
        await filling?.drop()
        for (const { folder: dir } of inState("written")) await removeBatch(dir)
      }),
    ),
  )

  return { add, arrival: arrivals.arrival, used: arrivals.used, submit, collect, underWay }
})
