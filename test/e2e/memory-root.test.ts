import { expect, setDefaultTimeout, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { DatasetStore, OutputRoots, type Store } from "../../src/dataset/DatasetStore.ts"
import { readVideo } from "../../src/dataset/open.ts"
import { RunClock } from "../../src/dataset/RunClock.ts"
import { validateVideo } from "../../src/dataset/validate.ts"
import { type RunEvent, RunEvents } from "../../src/events.ts"
import * as Layers from "../../src/layers.ts"
import { Pipeline } from "../../src/pipeline.ts"
import { ClipCutter } from "../../src/video/ClipCutter.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { memoryStore } from "../support/memory-store.ts"
import { filesBelow } from "../support/run-cli.ts"
import { quickSettings } from "../support/run-pipeline.ts"

setDefaultTimeout(120_000)

const aClock = {
  utc: () => Effect.succeed("2026-01-01T00:00:00.000Z"),
  seconds: () => Effect.succeed(1),
}

/** Rehearses a video into an output root, which is what these layers make of its name; gives what was told. */
const rehearse = async (video: string, outputRoot: string, roots: Layer.Layer<OutputRoots>) => {
  const events: Array<RunEvent> = []
  const services = Layer.provide(Layers.pipelineOver, Layer.mergeAll(Layers.video(), Layers.rehearsal, roots))
  await Effect.flatMap(Pipeline, ({ runVideo }) => runVideo(video, quickSettings(outputRoot))).pipe(
    Effect.provideService(RunEvents, { publish: (event) => Effect.sync(() => void events.push(event)) }),
    Effect.provideService(RunClock, aClock),
    Effect.provide(services),
    Effect.runPromise,
  )
  return events
}

/** All keys below a folder of a store. */
const keysBelow = async (store: Store, folder: string): Promise<ReadonlyArray<string>> => {
  const names = await Effect.runPromise(store.list(folder))
  const keys = names.map(async (name) => {
    const key = folder === "" ? name : `${folder}/${name}`
    return (await Effect.runPromise(store.look(key)))?.kind === "folder" ? keysBelow(store, key) : [key]
  })
  return (await Promise.all(keys)).flat().toSorted()
}

test("an output root that is no file system holds the same, is valid, and is gone on with", async () => {
  const root = runFolder()
  const video = await makeVideo({ dir: root, name: "cup.mp4", frames: 60 })
  const disk = join(root, "disk")
  await rehearse(video, disk, Layers.localRoots)
  const store = memoryStore()
  const memory = Layer.succeed(OutputRoots, { open: () => store })
  const told = await rehearse(video, "memory://root", memory)
  expect(told.at(-1)).toEqual({ type: "VideoFinished", videoId: "cup", folder: "memory://root/cup" })
  const keys = await keysBelow(store, "")
  expect(keys).toEqual(filesBelow(disk))
  const bytesOf = async (key: string) =>
    (await Effect.runPromise(store.read(key, 1 << 30))) ?? Buffer.alloc(0)
  // What says how long something took, and where it is, differs.
  for (const key of keys.filter((each) => !/run_summary\.json$|\.call\.json$/u.test(each)))
    expect([key, (await bytesOf(key)).equals(readFileSync(join(disk, key)))]).toEqual([key, true])
  const checked = Effect.gen(function* () {
    const { decode } = yield* ClipCutter
    return { findings: yield* validateVideo("cup", "cup", decode), video: yield* readVideo("cup") }
  })
  const { findings, video: finished } = await checked.pipe(
    Effect.provideService(DatasetStore, store),
    Effect.provide(Layers.video()),
    Effect.runPromise,
  )
  expect(findings).toEqual([])
  expect(finished).toMatchObject({ videoId: "cup", folder: "memory://root/cup" })
  const before = new Map(
    await Promise.all(
      keys.map(async (key) => [key, (await Effect.runPromise(store.look(key)))?.stamp] as const),
    ),
  )
  const again = await rehearse(video, "memory://root", memory)
  expect(again.filter((event) => event.type === "AnswerReceived")).toEqual([])
  for (const key of keys)
    expect([key, (await Effect.runPromise(store.look(key)))?.stamp]).toEqual([key, before.get(key)])
})
