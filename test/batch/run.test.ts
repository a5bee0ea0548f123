import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Chunk, Clock, Deferred, Effect, Fiber, Layer, Stream, TestClock, TestContext } from "effect"
import * as v from "valibot"
import { reportSchema } from "../../src/batch/report.ts"
import { type BatchOptions, runBatch } from "../../src/batch/run.ts"
import { type RunEvent, RunEvents } from "../../src/events.ts"
import * as Layers from "../../src/layers.ts"
import { CallDrain, CurrentLease } from "../../src/model/client/CallDrain.ts"
import type { ModelLoad } from "../../src/model/VisionModel.ts"
import { Locked } from "../../src/output-root/lock.ts"
import { readFailures } from "../../src/output-root/state.ts"
import { Pipeline, type PipelineError } from "../../src/pipeline.ts"
import { StageFailed } from "../../src/stages/call.ts"
import { stages } from "../../src/stages/list.ts"
import type { StageLabel } from "../../src/stages/Stage.ts"
import { VideoError } from "../../src/video/VideoError.ts"
import { runFolder } from "../support/folders.ts"
import { runIn } from "../support/in-root.ts"
import { quickSettings } from "../support/run-pipeline.ts"

/** What becomes of a video, each time that it is tried. */
type Script = (file: string, tries: number) => Effect.Effect<void, PipelineError>

const videoId = (file: string): string => file.replace(".mp4", "")

/** Stands where the pipeline stands: videos end as the script says. */
const scripted = (
  script: Script,
  load: Effect.Effect<ModelLoad | undefined> = Effect.succeed(undefined),
  list: ReadonlyArray<StageLabel> = stages,
) => {
  const tries = new Map<string, number>()
  const pipeline = Layer.succeed(
    Pipeline,
    Pipeline.of({
      stages: list,
      load,
      silence: Effect.succeed(undefined),
      runVideo: Effect.fn("Scripted.video")(function* (file: string) {
        const tried = (tries.get(file) ?? 0) + 1
        tries.set(file, tried)
        yield* script(file, tried)
        const result = { videoId: videoId(file), folder: `/out/${videoId(file)}` }
        yield* (yield* RunEvents).publish({ type: "VideoFinished", ...result })
        return { ...result, stages: stages.map(({ name }) => name) }
      }),
    }),
  )
  return Layer.merge(pipeline, Layers.localRoots)
}

const optionsOf = (root: string, changes: Partial<BatchOptions> = {}): BatchOptions => ({
  settings: quickSettings(root),
  videoConcurrency: 1,
  continueOnError: true,
  graceSec: 5,
  ...changes,
})

const eventsOf = (files: ReadonlyArray<string>, options: BatchOptions) =>
  Effect.map(
    Stream.runCollect(runBatch(Stream.fromIterable(files), options)),
    (all): ReadonlyArray<RunEvent> => Chunk.toReadonlyArray(all),
  )

const batchOf = (files: ReadonlyArray<string>, script: Script, options: BatchOptions) =>
  eventsOf(files, options).pipe(Effect.provide(scripted(script)), Effect.runPromise)

const broken = (file: string) => new VideoError({ reason: "NotAVideo", file, message: "no video" })
const stageFailed = (reason: StageFailed["reason"]) =>
  new StageFailed({ stage: "localize", folder: "/out/x", reason, message: `it is ${reason}`, attempts: [] })

/** Type, video and whether it is tried again, for what happens to videos. */
const told = (events: ReadonlyArray<RunEvent>) =>
  events.flatMap((event) => {
    if (event.type === "VideoFailed") return [`failed ${event.videoId}${event.willRetry ? ", again" : ""}`]
    if (event.type === "VideoFinished") return [`finished ${event.videoId}`]
    if (event.type === "VideoPostponed") return [`postponed ${event.videoId}`]
    return event.type === "BatchStopping" ? [`stopping ${event.cause}`] : []
  })

const end = (events: ReadonlyArray<RunEvent>) => events.at(-1)

describe("a video that fails", () => {
  const failsOn =
    (bad: string, times = Number.POSITIVE_INFINITY): Script =>
    (file, tries) =>
      file === bad && tries <= times ? Effect.fail(broken(file)) : Effect.void

  test("is counted and noted, and the others go on", async () => {
    const root = runFolder()
    const events = await batchOf(
      ["a.mp4", "b.mp4", "c.mp4"],
      failsOn("b.mp4"),
      optionsOf(root, { videos: 3 }),
    )
    expect(events[0]).toEqual({ type: "BatchStarted", videos: 3 })
    expect(told(events)).toEqual(["finished a", "failed b", "finished c"])
    expect(end(events)).toMatchObject({ type: "BatchFinished", done: 2, failed: 1, left: 0, stopped: null })
    expect(await runIn(root, readFailures)).toMatchObject([
      { video_id: "b", stage: null, reason: "NotAVideo", message: "no video" },
    ])
  })

  test("ends the batch unless it is to go on; what is left is told, where the number is known", async () => {
    const options = optionsOf(runFolder(), { continueOnError: false, retryFailed: true, videos: 4 })
    const script: Script = (file, tries) => (file === "c.mp4" ? Effect.never : failsOn("b.mp4")(file, tries))
    const events = await batchOf(["a.mp4", "b.mp4", "c.mp4"], script, options)
    expect(told(events)).toEqual(["finished a", "failed b", "stopping failure"])
    expect(events.find((event) => event.type === "BatchStopping")).toMatchObject({ graceSec: 5 })
    expect(end(events)).toMatchObject({ done: 1, failed: 1, left: 2, stopped: "failure" })
    const unknown = await batchOf(["a.mp4"], failsOn("b.mp4"), optionsOf(runFolder()))
    expect(unknown[0]).toEqual({ type: "BatchStarted", videos: null })
    expect(end(unknown)).toMatchObject({ done: 1, failed: 0, left: null })
  })

  test("is tried once more at the end, if that is wanted, and its note goes when it is done", async () => {
    const root = runFolder()
    const options = optionsOf(root, { retryFailed: true, videos: 2 })
    const events = await batchOf(["b.mp4", "c.mp4"], failsOn("b.mp4", 1), options)
    expect(told(events)).toEqual(["failed b, again", "finished c", "finished b"])
    expect(end(events)).toMatchObject({ done: 2, failed: 0, left: 0 })
    expect(await runIn(root, readFailures)).toEqual([])
    const twice = await batchOf(["b.mp4", "c.mp4"], failsOn("b.mp4"), options)
    expect(told(twice)).toEqual(["failed b, again", "finished c", "failed b"])
    expect(end(twice)).toMatchObject({ done: 1, failed: 1 })
  })

  test("by a bug counts as one that failed, with its trace", async () => {
    const events = await batchOf(["a.mp4"], () => Effect.die(new Error("a bug")), optionsOf(runFolder()))
    const [failed] = events.filter((event) => event.type === "VideoFailed")
    expect(failed).toMatchObject({ reason: "Defect", message: expect.stringContaining("a bug") })
    expect(failed).not.toHaveProperty("stage")
  })

  test("in a stage tells which", async () => {
    const events = await batchOf(["a.mp4"], () => Effect.fail(stageFailed("Refused")), optionsOf(runFolder()))
    const [failed] = events.filter((event) => event.type === "VideoFailed")
    expect(failed).toMatchObject({
      stage: "localize",
      reason: "Refused",
      message: "it is Refused",
      willRetry: false,
    })
  })

  test("in a stage that an embedding program has added has its number in the root and in the report", async () => {
    const root = runFolder()
    const title: StageLabel = { name: "title", number: 4, title: "title", weight: 1 }
    const failing = new StageFailed({
      ...{ stage: "title", folder: "/out/a", attempts: [] },
      ...{ reason: "Refused", message: "it is Refused" },
    })
    await eventsOf(["a.mp4"], optionsOf(root, { report: { model: "m" } })).pipe(
      Effect.provide(scripted(() => Effect.fail(failing), undefined, [...stages, title])),
      Effect.runPromise,
    )
    expect(await runIn(root, readFailures)).toMatchObject([{ video_id: "a", stage: 4, reason: "Refused" }])
    const report = v.parse(reportSchema, JSON.parse(readFileSync(join(root, "run_report.json"), "utf8")))
    expect(report.failures).toMatchObject([{ reason: "Refused", stage: 4 }])
  })
})

test("a spent budget ends the batch, although it may go on after errors", async () => {
  const script: Script = (file) => (file === "a.mp4" ? Effect.fail(stageFailed("BudgetSpent")) : Effect.never)
  const options = optionsOf(runFolder(), { retryFailed: true })
  const events = await batchOf(["a.mp4", "b.mp4"], script, options)
  expect(told(events)).toEqual(["failed a", "stopping budget"])
  expect(end(events)).toMatchObject({ done: 0, failed: 1, stopped: "budget" })
})

/** Everything that can go on without time or disk has gone on. */
const settled = Effect.repeatN(Effect.yieldNow(), 200)

/** Runs from the fifth second of virtual time on, for so many seconds. Whatever takes real time is out of step with it. */
const virtually = (
  files: ReadonlyArray<string>,
  script: Script,
  options: BatchOptions,
  seconds: number,
  load?: Effect.Effect<ModelLoad | undefined>,
) =>
  Effect.gen(function* () {
    yield* TestClock.adjust("5 seconds")
    const batch = yield* Effect.fork(eventsOf(files, options))
    for (let second = 0; second < seconds; second++) {
      yield* settled
      yield* TestClock.adjust("1 second")
    }
    return yield* Fiber.join(batch)
  }).pipe(Effect.provide(Layer.merge(scripted(script, load), TestContext.TestContext)), Effect.runPromise)

test("a video that another process works on is told of once, and looked at every two seconds until it is free", async () => {
  const times: Array<number> = []
  const script: Script = (_file, tries) =>
    Effect.gen(function* () {
      times.push(yield* Clock.currentTimeMillis)
      if (tries < 4) yield* new Locked({ folder: "/out/a", owner: undefined, message: "is being worked on" })
    })
  const options = optionsOf("/nowhere", { continueOnError: false, videos: 1 })
  const events = await virtually(["a.mp4"], script, options, 10)
  expect(told(events)).toEqual(["postponed a", "finished a"])
  expect(times).toEqual([5000, 7000, 9000, 11_000])
  expect(end(events)).toMatchObject({ done: 1, failed: 0, left: 0, stopped: null })
})

test("a batch that is asked to stop starts no more videos, and leaves those without a call under way", async () => {
  const stop = Effect.sleep("1 second")
  const options = optionsOf("/nowhere", { stop, videos: 2 })
  const events = await virtually(["a.mp4", "b.mp4"], () => Effect.sleep("3 seconds"), options, 20)
  expect(told(events)).toEqual(["stopping asked"])
  expect(end(events)).toMatchObject({ done: 0, failed: 0, left: 2, stopped: "asked", seconds: 1 })
})

describe("a video that ends just as the batch stops, while nobody has time to listen, is told of once", () => {
  /** A batch whose events are read only once it has been stopped and its time of grace is over. */
  const heardLate = (end: (file: string) => Effect.Effect<void, PipelineError>, continueOnError = true) =>
    Effect.gen(function* () {
      const stop = yield* Deferred.make<void>()
      /** Fills what the batch holds for its consumer, and asks it to stop. */
      const script: Script = (file) =>
        Effect.gen(function* () {
          const { publish } = yield* RunEvents
          // A call is under way all the time: that is what a batch waits for when it stops.
          const lease = yield* (yield* CallDrain).lease(CurrentLease)
          lease.begin()
          yield* Deferred.succeed(stop, undefined)
          yield* Effect.sleep("50 millis")
          const notice = { type: "Notice", videoId: videoId(file), message: "is said" } as const
          yield* Effect.fork(Effect.forEach(Array.from({ length: 1100 }), () => publish(notice)))
          yield* Effect.sleep("50 millis")
          yield* end(file)
        })
      const options = optionsOf(runFolder(), {
        continueOnError,
        stop: Deferred.await(stop),
        graceSec: 0.3,
        videos: 1,
      })
      const drainedLate = Stream.runCollect(
        Stream.tap(runBatch(Stream.make("a.mp4"), options), (event) =>
          event.type === "BatchStarted" ? Effect.sleep("700 millis") : Effect.void,
        ),
      )
      const events = yield* Effect.provide(drainedLate, scripted(script))
      return Chunk.toReadonlyArray(events)
    }).pipe(Effect.runPromise)

  test("finished", async () => {
    const events = await heardLate(() => Effect.void)
    expect(told(events)).toEqual(["stopping asked", "finished a"])
    expect(end(events)).toMatchObject({ type: "BatchFinished", done: 1, failed: 0, left: 0 })
  })

  test("failed", async () => {
    const events = await heardLate(() => Effect.fail(stageFailed("Refused")), false)
    expect(told(events)).toEqual(["stopping asked", "failed a"])
    expect(end(events)).toMatchObject({ type: "BatchFinished", done: 0, failed: 1, left: 0 })
  })
})

test("a batch whose consumer goes away while the batch waits to be heard ends", async () => {
  const script: Script = (file) =>
    Effect.gen(function* () {
      const { publish } = yield* RunEvents
      const notice = { type: "Notice", videoId: videoId(file), message: "is said" } as const
      yield* Effect.fork(Effect.forEach(Array.from({ length: 1100 }), () => publish(notice)))
      yield* Effect.sleep("50 millis")
    })
  const taken = runBatch(Stream.make("a.mp4", "b.mp4"), optionsOf(runFolder())).pipe(
    Stream.tap(() => Effect.sleep("200 millis")),
    Stream.take(1),
    Stream.runCollect,
    Effect.provide(scripted(script)),
  )
  expect(Chunk.toReadonlyArray(await Effect.runPromise(taken))).toHaveLength(1)
})

test("how much the model is used is told once a second, if it has changed", async () => {
  const load = (inFlight: number): ModelLoad => ({
    inFlight,
    waiting: 0,
    limit: 8,
    rpm: null,
    tpm: null,
    pausedMs: 0,
  })
  const used = Effect.map(Clock.currentTimeMillis, (now) =>
    now < 6000 ? undefined : load(now < 9000 ? 1 : 2),
  )
  const events = await virtually(["a.mp4"], () => Effect.sleep("6 seconds"), optionsOf("/nowhere"), 8, used)
  expect(events.filter((event) => event.type === "ModelLoad")).toEqual([
    { type: "ModelLoad", ...load(1) },
    { type: "ModelLoad", ...load(2) },
  ])
})
