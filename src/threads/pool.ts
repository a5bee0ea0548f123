import { Cause, Data, Duration, Effect, Exit, Schedule, type Scope } from "effect"
import * as v from "valibot"
import { CREDITS, INITIAL_CREDITS, type StartMessage, type WorkerMessage } from "./envelope.ts"
import { makeInbox } from "./inbox.ts"
import { makePriorityQueue } from "./priority-queue.ts"
import { cancel, endThread, leave, loadThread, type Thread } from "./thread.ts"
import { WorkerError } from "./WorkerError.ts"

export interface WorkerPoolOptions {
  /** The thread's module; it calls `serve`. */
  readonly entry: URL
  /** Workers at most; they start when they are needed. */
  readonly size: number
  /** A request fails after this many milliseconds without a word from its worker. */
  readonly deadlineMs: number
  /** How long a worker may take to load. Default 30 s. */
  readonly loadDeadlineMs?: number
  /** How long a cancelled worker may take to stop before the pool gives it up. Default 150 ms. */
  readonly cancelGraceMs?: number
  /**
   * Whether a worker may be ended at any moment. If not, one that the pool gives up is left to itself, and of use again once
   * it answers; as long as too many do not, requests fail. Default true.
   */
  readonly endable?: boolean
}

/** One request: what is sent, and how the answers are read. */
export interface WorkerCall<Result, Item> {
  /** For error messages. */
  readonly file: string
  /** Structured-cloneable. */
  readonly request: unknown
  readonly result: v.GenericSchema<unknown, Result>
  readonly item: v.GenericSchema<unknown, Item>
}

/** Threads that answer requests; `Failure` is how one fails. */
export interface WorkerPool<Failure = WorkerError> {
  /** Workers at most. */
  readonly size: number
  /** Whether a request waits for a worker. */
  readonly contended: Effect.Effect<boolean>
  /**
   * Runs a request on a free worker, in order of `WorkRank`. `onItem` sees the items in order, each once; the worker
   * runs at most a few items ahead of it. A request whose worker crashes is tried once more, on a fresh one.
   * Interruption, and a failure of `onItem`, stop the worker's work and keep the worker.
   */
  readonly run: <Result, Item, E = never>(
    call: WorkerCall<Result, Item>,
    onItem?: (item: Item) => Effect.Effect<void, E>,
  ) => Effect.Effect<Result, Failure | E>
}

/** After so many loads in a row that failed, the pool gives up. */
const MAX_LOAD_FAILURES = 3
/** Workers that were left to themselves and have not answered, at most. */
const MAX_LEFT = 4
/** How long a request waits for one of them to come back: on a busy machine some are only late. */
const COMEBACK_MS = 2000
const COMEBACK_LOOK_MS = 20
const retryOnce = Schedule.recurs(1)

/** The thread itself failed, so that there is no sense in asking it to stop. */
class Crash extends Data.TaggedError("Crash")<{ readonly message: string }> {}
const isOfThread = (cause: Cause.Cause<unknown>): boolean =>
  [...Cause.failures(cause)].some(
    (error) => error instanceof Crash || (error instanceof WorkerError && error.reason === "Failed"),
  )
const workerFailed = (file: string, message: string) =>
  new WorkerError({ reason: "Failed", file, message: `${file}: the worker failed: ${message}` })

/** A pool of threads, all of them ended with the scope. */
export const makeWorkerPool = Effect.fn("WorkerPool.make")(function* (options: WorkerPoolOptions) {
  const { loadDeadlineMs = 30_000, cancelGraceMs = 150, endable = true } = options
  const places = makePriorityQueue(options.size)
  const started = new Set<Thread>()
  const idle: Array<Thread> = []
  const left = new Set<Thread>()
  let waiting = 0
  let loadFailures = 0
  let lastId = 0
  let broken: string | undefined

  const end = (thread: Thread) => {
    endThread(thread)
    started.delete(thread)
  }
  /** Takes a thread that is at rest among those that wait for a request. */
  const keep = (thread: Thread) => {
    thread.listener = (event) => {
      if (event.type === "crashed") started.delete(thread)
    }
    const tooMany = started.size - left.size > options.size
    if (thread.dead) started.delete(thread)
    else if (broken !== undefined || tooMany) end(thread)
    else {
      thread.worker.unref()
      idle.push(thread)
    }
  }
  /** Parts with a thread that is in the midst of something. */
  const giveUp = (thread: Thread) => {
    if (endable || thread.dead) return end(thread)
    left.add(thread)
    leave(thread, () => {
      left.delete(thread)
      keep(thread)
    })
  }
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      broken = "the pool is closed"
      for (const thread of [...started].filter((one) => !left.has(one))) {
        const { listener } = thread
        if (idle.includes(thread)) end(thread)
        else giveUp(thread)
        listener({ type: "crashed", message: broken })
      }
    }),
  )

  const take = Effect.fnUntraced(function* (file: string) {
    let waitedMs = 0
    for (;;) {
      const unavailable = (message: string) => new WorkerError({ reason: "Unavailable", file, message })
      if (broken !== undefined) return yield* unavailable(broken)
      const free = idle.pop()
      if (free?.dead === true) {
        started.delete(free)
        continue
      }
      if (free !== undefined) return free
      if (left.size >= MAX_LEFT) {
        if (waitedMs >= COMEBACK_MS)
          return yield* workerFailed(file, `no other can be had as long as ${left.size} of them hang`)
        yield* Effect.sleep(Duration.millis(COMEBACK_LOOK_MS))
        waitedMs += COMEBACK_LOOK_MS
        continue
      }
      const loaded = yield* Effect.either(loadThread(options.entry, loadDeadlineMs, started, giveUp))
      if (loaded._tag === "Right") {
        loadFailures = 0
        return loaded.right
      }
      loadFailures++
      if (loaded.left.permanent || loadFailures >= MAX_LOAD_FAILURES) broken = loaded.left.message
    }
  })

  const give = (thread: Thread, exit: Exit.Exit<unknown, unknown>) =>
    Effect.gen(function* () {
      // Still busy: the caller lost interest, or (`Crash`, a deadline) the thread can no longer be relied on.
      if (thread.busyWith !== undefined && Exit.isFailure(exit)) {
        if (isOfThread(exit.cause)) giveUp(thread)
        else yield* cancel(thread, cancelGraceMs, giveUp)
      }
      if (!left.has(thread)) keep(thread)
    })

  const exchange = <Result, Item, E>(
    thread: Thread,
    call: WorkerCall<Result, Item>,
    state: { delivered: number },
    onItem: (item: Item) => Effect.Effect<void, E>,
  ) =>
    Effect.gen(function* () {
      const read = <A>(schema: v.GenericSchema<unknown, A>, value: unknown) => {
        const parsed = v.safeParse(schema, value)
        return parsed.success
          ? Effect.succeed(parsed.output)
          : Effect.fail(workerFailed(call.file, `its answer is not understood: ${parsed.issues[0].message}`))
      }
      const inbox = makeInbox<WorkerMessage>()
      const id = ++lastId
      const control = new Int32Array(new SharedArrayBuffer(8))
      control[CREDITS] = INITIAL_CREDITS
      thread.listener = inbox.put
      thread.busyWith = { id, control }
      thread.worker.ref()
      thread.worker.postMessage({
        type: "start",
        id,
        request: call.request,
        control: control.buffer,
      } satisfies StartMessage)
      for (let seen = 0; ; ) {
        const event = yield* inbox.take(options.deadlineMs)
        if (event === undefined)
          return yield* workerFailed(call.file, `no sign of life for ${options.deadlineMs / 1000} s`)
        switch (event.type) {
          case "item": {
            if (seen++ >= state.delivered) {
              state.delivered++
              yield* onItem(yield* read(call.item, event.item))
            }
            Atomics.add(control, CREDITS, 1)
            Atomics.notify(control, CREDITS)
            break
          }
          case "done":
            thread.busyWith = undefined
            return yield* read(call.result, event.result)
          case "failed":
            thread.busyWith = undefined
            return yield* new WorkerError({
              reason: "Reported",
              code: event.reason,
              file: call.file,
              message: event.message,
            })
          case "crashed":
            return yield* new Crash({ message: event.message })
          case "cancelled":
            thread.busyWith = undefined
            return yield* workerFailed(call.file, "it stopped without being asked to")
          case "alive":
          case "ready":
          case "unavailable":
            break
        }
      }
    })

  /** Runs on a worker of its own, and once more on another if that one crashes, before others get their turn. */
  const onWorker = <Result, Item, E>(
    call: WorkerCall<Result, Item>,
    onItem: (item: Item) => Effect.Effect<void, E>,
  ) => {
    const state = { delivered: 0 }
    return Effect.acquireUseRelease(
      Effect.interruptible(take(call.file)),
      (thread) => exchange(thread, call, state, onItem),
      give,
    ).pipe(
      Effect.retry({ schedule: retryOnce, while: (error) => error instanceof Crash }),
      Effect.catchIf(
        (error) => error instanceof Crash,
        (crash) => Effect.fail(workerFailed(call.file, crash.message)),
      ),
    )
  }

  const run = <Result, Item, E = never>(
    call: WorkerCall<Result, Item>,
    onItem: (item: Item) => Effect.Effect<void, E> = () => Effect.void,
  ): Effect.Effect<Result, WorkerError | E> =>
    Effect.acquireUseRelease(
      Effect.suspend(() => {
        waiting++
        return Effect.interruptible(places.take).pipe(Effect.ensuring(Effect.sync(() => waiting--)))
      }),
      () => onWorker(call, onItem),
      () => places.release,
    ).pipe(Effect.withSpan("WorkerPool.run"))
  return { size: options.size, contended: Effect.sync(() => waiting > 0), run } satisfies WorkerPool
}) satisfies (options: WorkerPoolOptions) => Effect.Effect<WorkerPool, never, Scope.Scope>
