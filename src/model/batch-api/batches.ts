import { basename } from "node:path"
import { Effect } from "effect"
import type { WarnOnce } from "../client/calling.ts"
import type { Charge } from "../client/charge.ts"
import { type Retries, repeated } from "../client/repeated.ts"
import type { Accounts } from "./accounts.ts"
import { makeArrivals } from "./arrivals.ts"
import type { BatchService, RemoteBatch } from "./BatchService.ts"
import { onDisk } from "./disk.ts"
import { eachInTurn } from "./each-in-turn.ts"
import { makeFetching } from "./fetching.ts"
import { type FileLimits, type Head, InputFile, lineBytes, type WholeRequest } from "./input-file.ts"
import type { UnderWay } from "./ModelBatches.ts"
import { anomalyOf, lostTooOften, notSubmitted, tooLarge, unknownBatch } from "./problems.ts"
import { makeQueue } from "./queue.ts"
import { type BatchRecord, type BatchState, readBatches, removeBatch, writeState } from "./record.ts"
import { makeSubmission, withRemote } from "./submission.ts"

/** How requests are submitted. */
export interface BatchSettings {
  /** Absolute path of the folder that has all batches of an output root. */
  readonly folder: string
  /** In the place of what the service is known to take. */
  readonly limits?: Partial<FileLimits>
  /** Absolute path of a folder: requests are written there for `vllm run-batch`, and not submitted anywhere. */
  readonly runBatchFolder?: string
}

/** Whether a batch that has ended went through all of its requests, so that what it says nothing of was lost, and may be paid for. */
const isFinished = ({ status }: BatchState): boolean => status === "completed" || status === "ended"

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
  const arrivals = makeArrivals(service.format, accounts.chargeFor)
  const fetchResults = makeFetching(service, retries)
  const queue = makeQueue({ ...service.limits, ...limits })
  /** Ids that the service has for batches of this folder. */
  const known = new Set<string>()
  let filling: InputFile | undefined
  /** One at a time changes files. */
  const alone = (yield* Effect.makeSemaphore(1)).withPermits(1)

  const store = Effect.fnUntraced(function* (record: BatchRecord, state: BatchState) {
    yield* onDisk(record.folder, () => writeState(record.folder, state))
    const next = { ...record, state }
    open.set(record.folder, next)
    if (state.batch_id !== undefined) known.add(state.batch_id)
    return next
  })
  const submission = makeSubmission(service, retries, store, known, warnOnce)

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

  /** Nothing more comes of a batch. What the service has not come to is no loss: nobody has paid for it. */
  const close = Effect.fnUntraced(function* (record: BatchRecord) {
    const { chargeOf, lost, strangers, unbegun } = yield* arrivals.take(record)
    if (isFinished(record.state)) for (const id of lost) losses.set(id, (losses.get(id) ?? 0) + 1)
    yield* release(record, chargeOf)
    return { missing: lost.length + unbegun.length, strangers }
  })

  /** What the service never began: its requests are asked for as if they had never been. */
  const giveUp = Effect.fnUntraced(function* (record: BatchRecord) {
    yield* onDisk(record.folder, () => removeBatch(record.folder))
    yield* release(record, () => undefined)
  })

  /** Whether a batch that was refused because too much waits at the service was beside others of ours. */
  const fullness = (record: BatchRecord, { isQueueFull }: RemoteBatch): Pick<BatchState, "queue_full"> => {
    if (!isQueueFull) return {}
    const others = inState("creating", "under_way").some(({ folder: dir }) => dir !== record.folder)
    return { queue_full: others ? "beside_others" : "alone" }
  }

  /** Fetches what a batch that has ended has left, and says what is missing. */
  const end = Effect.fnUntraced(function* (record: BatchRecord, remote: RemoteBatch) {
    const { requests } = record.state
    yield* fetchResults(record, remote)
    yield* service.discard?.(remote.id) ?? Effect.void
    const state = {
      ...withRemote(record.state, remote),
      ...fullness(record, remote),
      state: "ended",
    } as const
    const ended = yield* store(record, state)
    queue.learn(state)
    const { missing, strangers } = yield* close(ended)
    if (missing === 0) return
    const said = remote.problem === undefined ? "" : `. It said: ${remote.problem}`
    const others = strangers === 0 ? "" : `, and with ${strangers} for none of them`
    yield* Effect.logWarning(
      state.queue_full === undefined
        ? `batch ${basename(record.folder)} (${remote.id}) has ended as ${remote.status} without results for ${missing} of ${requests} requests${others}: they are asked anew${said}`
        : `batch ${basename(record.folder)} (${remote.id}) was not taken, because too much waits at the service: its ${requests} requests are submitted again once other batches have ended${said}`,
    )
  })

  const finishFile = Effect.fnUntraced(function* () {
    const file = filling
    if (file === undefined || file.isEmpty) return
    const { requests, state } = yield* onDisk(file.folder, () => file.finish())
    filling = undefined
    open.set(file.folder, { folder: file.folder, state, requests, used: new Set() })
  })

  /** Submits one, unless too much waits at the service already. */
  const submitOne = (record: BatchRecord) =>
    Effect.suspend(() => {
      const { requests, state } = record.state
      if (state === "written" && !queue.isOpen(inState("creating", "under_way").length))
        return warnOnce(
          `${requests} requests wait here until batches that are under way have ended, because the service takes no more at a time`,
        )
      return Effect.mapError(submission.submit(record), (error) =>
        notSubmitted(open.get(record.folder)?.state ?? record.state, error),
      )
    })

  const submitAll = Effect.suspend(() => eachInTurn(inState("written", "creating"), submitOne))

  const putIntoFile = Effect.fnUntraced(function* (whole: WholeRequest) {
    yield* accounts.reserve(whole.request)
    yield* onDisk(folder, async () => {
      filling ??= await InputFile.begin(folder, head, service.format)
      await filling.add(whole)
    }).pipe(Effect.onError(() => accounts.settle(whole.request, undefined)))
    waiting.add(whole.request.custom_id)
  })

  /** Adds a request to those that will be submitted. A file that has no room for it is submitted first. */
  const add = (whole: WholeRequest) =>
    Effect.gen(function* () {
      const { custom_id: id } = whole.request
      if (waiting.has(id)) return
      const lost = losses.get(id) ?? 0
      if (lost > retries.callRetries) return yield* lostTooOften(lost, folder)
      const bytes = lineBytes(whole, head, service.format)
      const alone = bytes + service.format.frameBytes
      if (alone > queue.limits().maxBytes) return yield* tooLarge(alone, queue.limits())
      if (filling?.hasRoom(bytes, queue.limits()) === false) {
        yield* Effect.uninterruptible(finishFile())
        yield* submitAll
      }
      yield* Effect.uninterruptible(putIntoFile(whole))
    }).pipe(alone)

  const submit = Effect.zipRight(Effect.uninterruptible(finishFile()), submitAll).pipe(
    alone,
    Effect.withSpan("BatchApi.submit"),
  )

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
          const found = yield* submission.find(record)
          if (found.type === "undecided") return
          if (found.type === "none") {
            yield* giveUp(record)
            ended++
            return
          }
          begun = yield* submission.begun(record, found.batch)
        }
        if (yield* lookAt(begun)) ended++
      }),
    ).pipe(Effect.catchAll((error) => (ended > 0 ? warnOnce(error.message) : error)))
    return ended
  }).pipe(alone, Effect.withSpan("BatchApi.collect"))

  const underWay = Effect.sync((): UnderWay => {
    const ours = inState("creating", "under_way")
    const commands = ours.flatMap(({ state: { batch_id: id } }) =>
      id === undefined || service.commandFor === undefined ? [] : [service.commandFor(id)],
    )
    return {
      batches: ours.length,
      requests: ours.reduce((sum, { state }) => sum + state.requests, 0),
      ...(commands.length === 0 ? {} : { commands }),
    }
  })

  for (const record of yield* onDisk(folder, () => readBatches(folder))) {
    if (record.state.batch_id !== undefined) known.add(record.state.batch_id)
    if (isOurs(record)) queue.learn(record.state)
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

  const { arrival, foundInPlace, used } = arrivals
  return { add, arrival, foundInPlace, used, submit, collect, underWay }
})
