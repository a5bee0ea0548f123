import { expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import { Cause, Effect, Exit, Layer } from "effect"
import { inOutputRoot } from "../../src/dataset/DatasetStore.ts"
import * as Layers from "../../src/layers.ts"
import { lookInto, Pipeline } from "../../src/pipeline.ts"
import { stageNumber, stageNumbers, stages, stageText } from "../../src/stages/list.ts"
import { whyNew } from "../../src/stages/Stage.ts"
import { startChatServer } from "../support/chat-server.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { quickSettings, runPipeline } from "../support/run-pipeline.ts"

setDefaultTimeout(240_000)

const services = Layer.mergeAll(Layers.video(), Layers.rehearsal, Layers.localRoots)

/** What a bug says. */
const defectOf = async (effect: Effect.Effect<unknown, unknown>): Promise<string> => {
  const exit = await Effect.runPromiseExit(effect)
  return Exit.isFailure(exit) && Cause.isDie(exit.cause) ? Cause.pretty(exit.cause) : "no defect"
}

test("every stage has a name of its own, and stands after those that it needs", () => {
  const names = stages.map(({ name }) => name)
  expect(new Set(names).size).toBe(stages.length)
  for (const [i, { needs }] of stages.entries())
    for (const need of needs) expect(names.slice(0, i)).toContainEqual(expect.stringMatching(need.name))
  expect(stageNumbers).toEqual([1, 2, 3])
})

test.each<[string, Parameters<typeof whyNew>[0], string]>([
  ["was never asked for", undefined, "not done yet"],
  ["was broken off", { status: "running" }, "not done yet"],
  ["failed", { status: "failed" }, "not done yet"],
  ["is there", { status: "completed" }, "its inputs have changed"],
  ["is there, though its clips failed", { status: "failed", answered: true }, "its inputs have changed"],
])("an answer that %s is asked for after a new one, and that is said why", (_what, outcome, why) => {
  expect(whyNew(outcome)).toBe(why)
})

test("messages call a stage by its number and title, and one that is not of the list by its name", () => {
  expect(stages.map(({ name }) => stageText(name))).toEqual([
    "1 draft",
    "2 localise",
    "2 readings",
    "2 borders",
    "2 cut",
    "3 refine",
    "3 verify",
  ])
  expect([stageText("title"), stageNumber("title"), stageNumber("cut")]).toEqual(["title", null, 2])
})

test("a list in which a stage comes before one that it needs is refused by name", async () => {
  const pipeline = Layer.provide(Layers.pipelineOf(stages.toReversed()), services)
  expect(await defectOf(Effect.provide(Pipeline, pipeline))).toContain(
    "the stage refine needs draft, which does not come before it",
  )
})

test("settings that name a stage which is not there are refused by name", async () => {
  const video = await makeVideo({ dir: runFolder(), frames: 12 })
  const settings = quickSettings(runFolder(), { stages: ["draft", "localise"] })
  expect(
    await defectOf(Effect.provide(inOutputRoot(runFolder())(lookInto(video, settings)), services)),
  ).toContain("there is no stage localise; there are draft, localize, readings, borders, cut, refine, verify")
})

test("to localize alone asks for ranges and cuts no clip; what follows cuts them", async () => {
  const root = runFolder()
  const video = await makeVideo({ dir: root, name: "video.mp4", frames: 60 })
  await using server = startChatServer()
  const out = join(root, "out")
  const settings = quickSettings(out, { stages: ["draft", "localize"] })
  expect((await runPipeline(video, settings, server)).error).toBeUndefined()
  const files = () => [...new Bun.Glob("video/stage2/**/*.{mp4,json}").scanSync(out)]
  expect(files()).not.toContainEqual(expect.stringMatching(/\.mp4$|step_segments/u))
  expect((await runPipeline(video, quickSettings(out, { stages: ["cut"] }), server)).error).toBeUndefined()
  expect(files().filter((name) => name.endsWith(".mp4"))).toHaveLength(5)
  expect(server.calls).toHaveLength(2)
})
