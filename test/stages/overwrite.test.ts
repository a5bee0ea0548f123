import { beforeAll, expect, test } from "bun:test"
import { Effect, Layer } from "effect"
import { inOutputRoot } from "../../src/dataset/DatasetStore.ts"
import { openSummary, summaryKey } from "../../src/dataset/summary.ts"
import * as Layers from "../../src/layers.ts"
import { lookInto } from "../../src/pipeline.ts"
import { beginOverwrite, madeBefore } from "../../src/stages/overwrite.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { quickSettings } from "../support/run-pipeline.ts"

let video: string
beforeAll(async () => {
  video = await makeVideo({ dir: runFolder(), frames: 12 })
})

const selections = [["localize"], ["cut"], ["localize", "cut"], ["draft", "localize", "cut"], undefined]

/** An overwrite of these stages, begun in a folder of its own: what its summary says, and what a run with them would go on with. */
const begun = (stages: ReadonlyArray<string> | undefined) => {
  const settings = quickSettings(runFolder(), {
    overwrite: true,
    ...(stages === undefined ? {} : { stages }),
  })
  return Effect.gen(function* () {
    const { facts, header } = yield* lookInto(video, settings)
    const summary = yield* openSummary(summaryKey("video"), header, undefined, {})
    yield* beginOverwrite({ ...facts, summary, publish: () => Effect.void }, header)
    const { overwrite } = yield* summary.progress
    return { overwrite, goesOn: (left: typeof overwrite) => madeBefore({ overwrite: left }, header, facts) }
  }).pipe(inOutputRoot(settings.outputRoot))
}

test("an overwrite that has ended early is gone on with by one of the same stages, and by no other", async () => {
  const all = await Effect.forEach(selections, begun).pipe(
    Effect.provide(Layer.mergeAll(Layers.video(), Layers.rehearsal, Layers.localRoots)),
    Effect.runPromise,
  )
  for (const [i, { overwrite }] of all.entries())
    for (const [j, { goesOn }] of all.entries())
      expect([selections[i], selections[j], goesOn(overwrite) !== undefined]).toEqual([
        selections[i],
        selections[j],
        i === j,
      ])
})
