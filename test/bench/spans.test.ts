import { expect, setDefaultTimeout, test } from "bun:test"
import { Effect, Layer, Redacted, Stream, Tracer } from "effect"
import { kinds } from "../../bench/batch/spans.ts"
import { runBatch } from "../../src/batch/run.ts"
import { OutputRoots, type Store } from "../../src/dataset/DatasetStore.ts"
import { localStore } from "../../src/dataset/local-store.ts"
import * as Layers from "../../src/layers.ts"
import { startChatServer } from "../support/chat-server.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { quickSettings } from "../support/run-pipeline.ts"

setDefaultTimeout(120_000)

/** The real tracer, which also notes the names of what it begins. */
const namingTracer = (names: Array<string>) =>
  Layer.unwrapEffect(
    Effect.map(Effect.tracer, (real) =>
      Layer.setTracer(
        Tracer.make({
          span: (name, ...rest) => {
            names.push(name)
            return real.span(name, ...rest)
          },
          context: (run, fiber) => real.context(run, fiber),
        }),
      ),
    ),
  )

/** A store that counts what is written to it, through whatever confirms it. */
const counting = (store: Store, count: { writes: number; syncs: number }): Store => ({
  ...store,
  write: (...args) =>
    Effect.zipRight(
      Effect.sync(() => count.writes++),
      store.write(...args),
    ),
  syncNames: (folder) =>
    Effect.zipRight(
      Effect.sync(() => count.syncs++),
      store.syncNames(folder),
    ),
  confirmedBy: (confirm) => counting(store.confirmedBy(confirm), count),
})

test("every kind of work of a batch has its spans, and every file that is written one of its own", async () => {
  const root = runFolder()
  await using server = startChatServer()
  const count = { writes: 0, syncs: 0 }
  const names: Array<string> = []
  const roots = Layer.succeed(OutputRoots, { open: (at) => counting(localStore(at), count) })
  const model = Layers.openai({
    apiKey: Redacted.make("key-for-tests"),
    apiBase: server.url,
    model: "loopback",
    temperature: 0,
    callRetries: 0,
    callRetryBackoffSec: 0,
  })
  const services = Layer.provideMerge(Layers.pipelineOver, Layer.mergeAll(Layers.video(), model, roots))
  const video = await makeVideo({ dir: runFolder(), name: "video.mp4", frames: 60 })
  await runBatch(Stream.make(video), {
    settings: quickSettings(root),
    videoConcurrency: 1,
    continueOnError: false,
    graceSec: 0,
    report: { model: "loopback" },
  }).pipe(Stream.runDrain, Effect.provide(services), Effect.provide(namingTracer(names)), Effect.runPromise)
  const begun = (name: string) => names.filter((each) => each === name).length
  for (const [kind, spans] of Object.entries(kinds))
    expect([kind, spans.some((name) => begun(name) > 0)]).toEqual([kind, true])
  expect([begun("Dataset.writeFile"), begun("Dataset.syncNames")]).toEqual([count.writes, count.syncs])
})
