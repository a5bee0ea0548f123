import { resolve } from "node:path"
import { Cause, Deferred, Duration, Effect, Queue, Stream, Take } from "effect"
import type { RunSettings } from "../config.ts"
import { DatasetStore, OutputRoots } from "../dataset/DatasetStore.ts"
import { type RunEvent, RunEvents, type StopCause, type VideoEvent } from "../events.ts"
import { CallDrain, makeDrain } from "../model/client/CallDrain.ts"
import { monotonicMs } from "../model/monotonic.ts"
import { videoId } from "../output-root/video-id.ts"
import { Pipeline, type PipelineError } from "../pipeline.ts"
import { chosenStages } from "../stages/Stage.ts"
import { deferFailure, failureOf, forgetFailure, recordFailure } from "./failure.ts"
import type { ReportRequest } from "./report.ts"
import { makeReporter } from "./reporter.ts"

/** How a batch goes through its videos. */
export interface BatchOptions {
  readonly settings: RunSettings
  /** Videos worked on at the same time. */
  readonly videoConcurrency: number
  /** Go on with the other videos when one fails. */
  readonly continueOnError: boolean
  /** Try the videos that failed once more when all others are done. */
  readonly retryFailed?: boolean
  /** How many videos there will be, where that is known. */
  readonly videos?: number
  /** Once this succeeds, no new call starts, calls under way are finished and kept, and the batch ends. */
  readonly stop?: Effect.Effect<void>
  /** How long calls under way may take to finish then, in seconds. */
  readonly graceSec: number
  /**
   * What is done once all that is left are videos whose answers come later (`Deferred`); true if some of them may have come, and the
   * videos are to be gone on with.
   */
  readonly settle?: Effect.Effect<boolean>
  /** Writes `run_report.json` and `run_report.md` into the output root at the end. */
  readonly report?: ReportRequest
}

/** Events that may wait for the consumer; then the batch waits too. */
const eventsAhead = 1024
const loadEvery = Duration.seconds(1)
/** How often videos that another process works on are looked at, once nothing else is left to do. */
const lookAgain = Duration.seconds(2)

/** A video that is to be looked at again later. */
interface Unfinished {
  readonly file: string
  readonly why: "failed" | "locked" | "deferred"
}

/** The work of a batch, from the first video to the last, telling what happens as it goes. */
const work = Effect.fn("Batch.run")(function* <E, R>(
  videos: Stream.Stream<string, E, R>,
  options: BatchOptions,
  tell: (event: RunEvent) => Effect.Effect<void>,
) {
  const { settings, continueOnError, graceSec } = options
  const pipeline = yield* Pipeline
  const chosen = chosenStages(pipeline.stages, settings)
  const store = (yield* OutputRoots).open(settings.outputRoot)
  const inRoot = Effect.provideService(DatasetStore, store)
  const reporter = options.report && (yield* inRoot(makeReporter(options.report, chosen)))
  const publish = (event: RunEvent) =>
    reporter === undefined ? tell(event) : Effect.zipRight(reporter.note(event), tell(event))
  const drain = yield* makeDrain
  const stopping = yield* Deferred.make<StopCause>()
  let stopCause: StopCause | null = null
  const started = yield* monotonicMs
  const count = { done: 0, failed: 0 }
  const told = new Set<string>()
  const idOf = (file: string) => videoId(resolve(file), settings.idBase)

  const stop = Effect.fnUntraced(function* (cause: StopCause) {
    if (stopCause !== null) return
    stopCause = cause
    yield* drain.close
    yield* publish({ type: "BatchStopping", cause, graceSec })
    yield* Deferred.succeed(stopping, cause)
  })

  /** A video that counts as failed is told of, whatever interrupts the batch then. */
  const failed = Effect.fnUntraced(function* (
    file: string,
    cause: Cause.Cause<PipelineError>,
    last: boolean,
  ) {
    const failure = failureOf(cause)
    // A Ctrl-C reaches the programs that decode too, and a spent budget every video: neither says anything of this one.
    const isOfTheVideo = failure.stage !== undefined && failure.reason !== "BudgetSpent"
    if (stopCause !== null && !isOfTheVideo) return undefined
    const isFinal = failure.reason === "BudgetSpent" || !continueOnError
    const willRetry = !last && !isFinal
    if (!willRetry) count.failed++
    yield* inRoot(recordFailure(pipeline.stages, settings, file, failure))
    yield* publish({ type: "VideoFailed", videoId: idOf(file), file, ...failure, willRetry })
    if (isFinal) yield* stop(failure.reason === "BudgetSpent" ? "budget" : "failure")
    return willRetry ? { file, why: "failed" as const } : undefined
  }, Effect.uninterruptible)

  const postponed = Effect.fnUntraced(function* (file: string, message: string, why: "locked" | "deferred") {
    // A video that waits for a lock is looked at every two seconds, and has not begun.
    if (why === "deferred" || !told.has(file))
      yield* publish({ type: "VideoPostponed", videoId: idOf(file), file, message, why })
    told.add(file)
    return { file, why }
  })

  /** What videos tell. One that says that it is finished is done and told of, whatever interrupts the batch then. */
  const listen = (event: VideoEvent) => {
    if (event.type !== "VideoFinished") return publish(event)
    const finish = Effect.suspend(() => {
      count.done++
      return inRoot(forgetFailure(event.videoId))
    })
    return Effect.uninterruptible(Effect.zipRight(finish, publish(event)))
  }

  /** One video to its end; something if it is to be looked at again. Of failures, only an interruption goes through. */
  const runOne = (file: string, last: boolean): Effect.Effect<Unfinished | undefined> =>
    Effect.matchCauseEffect(pipeline.runVideo(file, settings), {
      onSuccess: () => Effect.succeed(undefined),
      onFailure: (cause): Effect.Effect<Unfinished | undefined> => {
        if (Cause.isInterruptedOnly(cause)) return Effect.interrupt
        const failure = failureOf(cause)
        const { reason, message } = failure
        if (reason === "Locked" || reason === "LockLost") return postponed(file, message, "locked")
        if (reason !== "Deferred") return failed(file, cause, last)
        return Effect.zipRight(
          inRoot(deferFailure(pipeline.stages, settings, file, failure)),
          postponed(file, message, "deferred"),
        )
      },
    })

  /** Videos as they come, so many at a time; gives those to look at again. Ends early when the batch stops. */
  const pass = <E2, R2>(files: Stream.Stream<string, E2, R2>, last: boolean) =>
    files.pipe(
      Stream.interruptWhen(Deferred.await(stopping)),
      Stream.mapEffect((file) => runOne(file, last), {
        concurrency: options.videoConcurrency,
        unordered: true,
      }),
      Stream.filter((unfinished) => unfinished !== undefined),
      Stream.runCollect,
      Effect.map((all) => {
        const filesOf = (why: Unfinished["why"]) =>
          [...all].filter((video) => video.why === why).map(({ file }) => file)
        return { failed: filesOf("failed"), locked: filesOf("locked"), deferred: filesOf("deferred") }
      }),
    )

  const all = Effect.gen(function* () {
    const settle = options.settle ?? Effect.succeed(false)
    const first = yield* pass(videos, options.retryFailed !== true)
    const second = yield* pass(Stream.fromIterable(first.failed), true)
    let locked = [...first.locked, ...second.locked]
    let deferred = [...first.deferred, ...second.deferred]
    while (locked.length > 0 || deferred.length > 0) {
      const isLocked = locked.length > 0
      if (isLocked) yield* Effect.sleep(lookAgain)
      else if (!(yield* settle)) return
      const next = yield* pass(Stream.fromIterable(isLocked ? locked : deferred), true)
      deferred = isLocked ? [...deferred, ...next.deferred] : next.deferred
      locked = next.locked
    }
  })

  const stopped = Effect.zipRight(
    Deferred.await(stopping),
    Effect.timeoutOption(drain.drained, Duration.seconds(graceSec)),
  )

  if (options.stop !== undefined) yield* Effect.forkScoped(Effect.zipRight(options.stop, stop("asked")))
  yield* publish({ type: "BatchStarted", videos: options.videos ?? null })
  yield* Effect.raceFirst(all, stopped).pipe(
    Effect.provideService(RunEvents, { publish: listen }),
    Effect.provideService(CallDrain, drain),
  )
  const end = {
    type: "BatchFinished",
    ...count,
    left: options.videos === undefined ? null : options.videos - count.done - count.failed,
    stopped: stopCause,
    seconds: ((yield* monotonicMs) - started) / 1000,
  } satisfies RunEvent
  const report = yield* reporter?.write(end) ?? Effect.succeed(undefined)
  yield* publish(report === undefined ? end : { ...end, report })
}, Effect.scoped)

/** A model is silent once nothing has come from it for so long; that is told again as often. */
const silenceMs = 20_000

/** Tells about once a second how much the model is used, if that has changed, and whether it has fallen silent. */
const watchModel = Effect.fn("Batch.watchModel")(function* (
  publish: (event: RunEvent) => Effect.Effect<void>,
) {
  const { load, silence } = yield* Pipeline
  let last = ""
  let told = 0
  return yield* Effect.gen(function* () {
    const now = yield* load
    const text = JSON.stringify(now)
    if (now !== undefined && text !== last) yield* publish({ type: "ModelLoad", ...now })
    last = text
    const silent = yield* silence
    const periods = Math.floor((silent?.silentMs ?? 0) / silenceMs)
    if (silent !== undefined && periods > told) {
      const { call, sentAt, unansweredMs } = silent
      const { video: videoId, stage, step, attempt } = call
      yield* publish({ type: "ModelSilent", videoId, stage, step, attempt, since: sentAt, unansweredMs })
    }
    told = periods
    yield* Effect.sleep(loadEvery)
  }).pipe(Effect.forever)
})

/**
 * Runs videos as they come in, under one set of budgets: those of the `Pipeline` it is given. What happens to videos is noted in
 * the output root. The stream of events ends with
 * `BatchFinished`; it fails only if the input fails. Videos are pulled when there is room for them, so that a host may add
 * some at any time. Interruption stops everything at once and leaves folders that the next batch goes on with;
 * `options.stop` does it gently.
 */
export const runBatch = <E, R>(
  videos: Stream.Stream<string, E, R>,
  options: BatchOptions,
): Stream.Stream<RunEvent, E, R | OutputRoots | Pipeline> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const queue = yield* Queue.bounded<Take.Take<RunEvent, E>>(eventsAhead)
      const publish = (event: RunEvent) => Effect.asVoid(Queue.offer(queue, Take.of(event)))
      yield* work(videos, options, publish).pipe(
        Effect.raceFirst(watchModel(publish)),
        Effect.matchCauseEffect({
          onFailure: (cause) => Queue.offer(queue, Take.failCause(cause)),
          onSuccess: () => Queue.offer(queue, Take.end),
        }),
        Effect.forkScoped,
      )
      // Before the work is interrupted: nobody waits to be heard by a consumer that is gone.
      yield* Effect.addFinalizer(() => Queue.shutdown(queue))
      return Stream.flattenTake(Stream.fromQueue(queue))
    }),
  )
