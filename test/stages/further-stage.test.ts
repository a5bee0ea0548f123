/** A fourth stage from outside: one that asks for a title of the finished plan, and puts it on record. Nothing in `src` knows of it. */
import { beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import * as v from "valibot"
import { validateFolder } from "../../src/dataset/validate.ts"
import { expect as expectRun } from "../../src/dry-run.ts"
import { type RunEvent, RunEvents } from "../../src/events.ts"
import * as Layers from "../../src/layers.ts"
import { type ModelReply, VisionModel } from "../../src/model/VisionModel.ts"
import { makeStatusReader } from "../../src/output-root/status.ts"
import { Pipeline } from "../../src/pipeline.ts"
import { fingerprint } from "../../src/plan/fingerprint.ts"
import { problem } from "../../src/plan/problem.ts"
import { defineAnswerStage, furtherStage } from "../../src/stages/answer-stage.ts"
import { stages } from "../../src/stages/list.ts"
import { refine } from "../../src/stages/refine.ts"
import { runFolder } from "../support/folders.ts"
import { runIn } from "../support/in-root.ts"
import { makeVideo } from "../support/media.ts"
import { changedFiles, stampsBelow } from "../support/run-cli.ts"
import { quickSettings } from "../support/run-pipeline.ts"

setDefaultTimeout(240_000)

const id = { name: "title", number: 4 } as const
const { filesIn, place } = furtherStage(id)
const titleSchema = v.strictObject({ title: v.string() })
const asks = {
  prompt: {
    file: "title",
    text: "# Task: title\nGive a title to:\n{{steps}}",
    slots: { steps: "- Lift\n- Pour" },
  },
  answer: "title",
  schema: () => titleSchema,
  answerTokens: 30,
}

const title = defineAnswerStage({
  ...id,
  title: "title",
  summary: "give the plan a title",
  weight: 1,
  asks,
  from: refine,
  place,
  what: "title",
  callsLeft: () => 1,
  pictures: () => ({ distinct: 0, images: 0 }),
  inquiryOf: (run, plan, previous) => {
    const steps = plan.steps.map(({ step_goal }) => `- ${step_goal}`).join("\n")
    const prompt = run.prompts.fill(asks.prompt, { steps })
    const rehearse = () => ({ title: `${plan.steps.length} steps` })
    return {
      ...filesIn(run),
      what: "title",
      inputs: fingerprint({ prompt, rehearsal: run.rehearsal }),
      previous,
      mayAdopt: false,
      check: (json) => {
        const { output, success } = v.safeParse(titleSchema, json)
        return success && output.title.length > 2
          ? { ok: true, value: output, warnings: [] }
          : { ok: false, problems: [problem("$.title", "empty", "must be a title of the plan")] }
      },
      task: { stage: id.name, stageNumber: id.number, answerTokens: asks.answerTokens, rehearse },
      prompt,
      schema: titleSchema,
      images: Effect.succeed([]),
    }
  },
})
const four = [...stages, title]

/** A model of one's own: the rehearsal, but for the first title. */
const model = (asked: Array<string>) =>
  Layer.effect(
    VisionModel,
    Effect.map(VisionModel, ({ complete, config }) => {
      const spoil = (reply: ModelReply) => ({ ...reply, text: '{"title": ""}' })
      const answer: typeof complete = (request, keep) => {
        asked.push(request.task.stage)
        const isFirstTitle = request.task.stage === "title" && request.attempt === 1
        return isFirstTitle ? Effect.map(complete(request, keep), spoil) : complete(request, keep)
      }
      return VisionModel.of({ config, complete: answer })
    }),
  ).pipe(Layer.provide(Layers.rehearsal))

/** Runs the video through a list of stages; gives the calls and the stages that were told of. */
const run = async (root: string, list: typeof four | typeof stages) => {
  const asked: Array<string> = []
  const events: Array<RunEvent> = []
  const services = Layer.provide(Layers.pipelineOf(list), Layer.merge(Layers.video(), model(asked)))
  const result = await Effect.flatMap(Pipeline, ({ runVideo }) => runVideo(video, quickSettings(root))).pipe(
    Effect.provideService(RunEvents, { publish: (event) => Effect.sync(() => void events.push(event)) }),
    Effect.provide(services),
    Effect.runPromise,
  )
  const finished = events.flatMap((event) => (event.type === "StageFinished" ? [event.stage] : []))
  return { asked, finished, result }
}

const root = runFolder()
const out = join(root, "video")
let video: string
let first: Awaited<ReturnType<typeof run>>
beforeAll(async () => {
  video = await makeVideo({ dir: runFolder(), name: "video.mp4", frames: 60 })
  first = await run(root, four)
})

const foresee = (root: string) =>
  expectRun([video], quickSettings(root), { family: {}, price: undefined, limits: {} }, 1, four).pipe(
    Effect.provide(Layer.mergeAll(Layers.video(), Layers.rehearsal, Layers.localRoots)),
    Effect.runPromise,
  )
const statusOf = (root: string) => runIn(root, makeStatusReader(four))
const readJson = (path: string) => JSON.parse(readFileSync(path, "utf8"))

test("a fourth stage is run, asked again, recorded, validated, and seen by status", async () => {
  expect(first.finished).toEqual(["draft", "localize", "cut", "refine", "title"])
  expect(first.asked.slice(-2)).toEqual(["title", "title"])
  expect(readJson(join(out, "title/title.json")).title).toEndWith(" steps")
  const { further_stages } = readJson(join(out, "run_summary.json"))
  expect(further_stages.title).toMatchObject({ status: "completed", attempts: 2, answer: "title/title.json" })
  expect(await Effect.runPromise(validateFolder(out))).toEqual([])
  expect((await statusOf(root)).done).toEqual(["video"])
})

test("its folder is resumed, with it or without, and no call is made and no file changes", async () => {
  const before = stampsBelow(out)
  for (const list of [four, stages]) expect((await run(root, list)).asked).toEqual([])
  expect(changedFiles(before, stampsBelow(out))).toEqual([])
})

test("a dry run counts its call, and none once it is there", async () => {
  expect(await foresee(runFolder())).toMatchObject({ calls: 2 + 5 + 1, images: (2 + 5) * 8 })
  expect((await foresee(root)).calls).toBe(0)
})

test("a folder of the three stages is not done before it has the fourth, which alone is asked for", async () => {
  const other = runFolder()
  await run(other, stages)
  expect((await statusOf(other)).unfinished).toEqual(["video"])
  expect(await foresee(other)).toMatchObject({ calls: 1, images: 0, completionTokens: 30 })
  expect((await run(other, four)).asked).toEqual(["title", "title"])
})
