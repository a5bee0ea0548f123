import { beforeAll, expect, test } from "bun:test"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { type RunEvent, RunEvents } from "../../src/events.ts"
import * as Layers from "../../src/layers.ts"
import { VisionModel } from "../../src/model/VisionModel.ts"
import { Pipeline } from "../../src/pipeline.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { quickSettings } from "../support/run-pipeline.ts"

/** Every request of a run, by stage, with the calls that were said to be left. */
const asked: Array<readonly [string, number | undefined]> = []
const events: Array<RunEvent> = []
let steps: number

/** The rehearsal, heard. */
const model = Layer.effect(
  VisionModel,
  Effect.map(VisionModel, (rehearsal) =>
    VisionModel.of({
      ...rehearsal,
      complete: (request, keep) => {
        asked.push([request.task.stage, request.callsLeft])
        return rehearsal.complete(request, keep)
      },
    }),
  ),
).pipe(Layer.provide(Layers.rehearsal))

beforeAll(async () => {
  const root = runFolder()
  const video = await makeVideo({ dir: root, name: "video.mp4", frames: 60 })
  const settings = quickSettings(join(root, "out"), { stepConcurrency: 1 })
  await Effect.flatMap(Pipeline, (pipeline) => pipeline.runVideo(video, settings)).pipe(
    Effect.provideService(RunEvents, { publish: (event) => Effect.sync(() => void events.push(event)) }),
    Effect.provide(Layer.provide(Layers.pipeline, Layer.merge(Layers.video(), model))),
    Effect.runPromise,
  )
  steps = (await Bun.file(join(root, "out/video/causal_plan_with_keyframes.json")).json()).steps.length
})

test("a request says how many calls its video still needs, fewer with every step that is done", () => {
  const ofSteps = Array.from({ length: steps }, (_, done) => ["refine", steps - done] as const)
  // How many steps there are is not known before the draft: as many as there may be are reckoned with.
  expect(asked).toEqual([["draft", 2 + 8], ["localize", 1 + steps], ...ofSteps])
})

test("every stage says when it begins and how many parts it has, and each part is told", () => {
  const begun = events.flatMap((event) =>
    event.type === "StageStarted" ? [[event.stage, event.total] as const] : [],
  )
  expect(begun).toEqual([
    ["draft", 2],
    ["localize", 1],
    ["cut", steps],
    ["refine", steps],
  ])
  for (const [stage, total] of begun)
    expect(events.filter((event) => event.type === "StageAdvanced" && event.stage === stage)).toHaveLength(
      total,
    )
})
