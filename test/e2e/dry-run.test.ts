import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Either, Layer, Redacted } from "effect"
import type { RunSettings } from "../../src/config.ts"
import { expectedModel, expect as expectRun, unpaidModel } from "../../src/dry-run.ts"
import * as Layers from "../../src/layers.ts"
import { CallLog } from "../../src/model/client/CallLog.ts"
import type { ServiceSettings } from "../../src/model/client/settings.ts"
import { Pipeline } from "../../src/pipeline.ts"
import { type ChatServer, completion, type SeenCall, startChatServer } from "../support/chat-server.ts"
import { answerTokens, countedText, variedAnswer } from "../support/counted-answers.ts"
import { temporaryFolder } from "../support/folders.ts"
import { oneIn } from "../support/long.ts"
import { makeVideo } from "../support/media.ts"
import { makeOriginal } from "../support/original-folder.ts"
import type { Json } from "../support/replies.ts"
import { runCli, stampsBelow } from "../support/run-cli.ts"
import { quickSettings, runPipeline } from "../support/run-pipeline.ts"

const steps = 5
const maxFrames = 15

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let server: ChatServer
let video: string
/** Output roots that other tests copy: by a model, and by the rehearsal. */
let made: string
let rehearsed: string

/** Calls that make the folder which the tests copy. */
const firstCalls = 2 + steps

const varied = (number: number, stage: 1 | 2 | 3, good: string): string =>
  number <= firstCalls ? good : variedAnswer(stage, good)

const price = { in: 2, cached: 2, out: 8, flex: 0.5 }

/** A picture by its area, as models that nobody knows count them; gpt-4.1 looks at one of low detail in 85 tokens. */
const countedPicture = async (call: SeenCall, picture: Uint8Array): Promise<number> => {
  if (call.raw.includes('"detail":"low"')) return 85
  const { height, width } = await new Bun.Image(picture).metadata()
  return Math.ceil((width * height) / 750)
}

/** An answer with what it took, as the service counts it: its texts and pictures, and an answer of the usual length. */
const counted = async (call: SeenCall, content: string): Promise<Response> => {
  const pictures = await Promise.all(call.images.map((picture) => countedPicture(call, picture)))
  const texts = [call.system, call.prompt, ...call.labels].map(countedText)
  const prompt_tokens = [...pictures, ...texts].reduce((sum, tokens) => sum + tokens, 0)
  const completion_tokens = Math.min(answerTokens[call.stage], call.maxTokens ?? Number.POSITIVE_INFINITY)
  const { service_tier } = JSON.parse(call.raw)
  return Response.json({
    ...(await completion(content).json()),
    ...(service_tier === undefined ? {} : { service_tier }),
    usage: { prompt_tokens, completion_tokens },
  })
}

beforeAll(async () => {
  folder = await temporaryFolder()
  video = await makeVideo({ dir: folder.path, name: "cup.mp4", frames: 96 })
  server = startChatServer({
    steps,
    behave: async (call, good) => counted(call, varied(call.number, call.stage, good)),
  })
  made = join(folder.path, "made")
  rehearsed = join(folder.path, "rehearsed")
  expect((await runPipeline(video, settings(made), server)).error).toBeUndefined()
  expect((await runPipeline(video, settings(rehearsed), "rehearsal")).error).toBeUndefined()
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

const settings = (root: string, changes: Partial<RunSettings> = {}) =>
  quickSettings(root, { maxFrames, ...changes })

/** How the model is reached and asked, with what is set by flags. */
type Asking = Pick<
  ServiceSettings,
  "detail" | "maxTokens" | "model" | "sendMaxSidePx" | "serviceTier" | "temperature"
>
const usually: Asking = { model: "loopback-vlm", temperature: 0.2 }

const serviceWith = (asking: Asking): ServiceSettings => ({
  apiKey: Redacted.make("key-for-tests"),
  apiBase: server.url,
  callRetries: 0,
  callRetryBackoffSec: 0,
  price,
  ...asking,
})

const foresee = (
  files: ReadonlyArray<string>,
  wanted: RunSettings,
  asking: Asking | "rehearsal" = usually,
) => {
  const layer = asking === "rehearsal" ? Layers.rehearsal : Layers.service(serviceWith(asking))
  const expected = asking === "rehearsal" ? unpaidModel : expectedModel(serviceWith(asking))
  return expectRun(files, wanted, expected, 8).pipe(
    Effect.provide(Layer.mergeAll(Layers.video(), layer, Layers.localRoots)),
    Effect.runPromise,
  )
}

/** Runs one video, and adds up what its calls cost. */
const spend = async (file: string, wanted: RunSettings, asking: Asking) => {
  const costs: Array<number | null> = []
  const log = Layer.succeed(CallLog, {
    record: ({ cost_usd }) => Effect.sync(() => void costs.push(cost_usd)),
  })
  const model = Layer.provide(Layers.service(serviceWith(asking)), log)
  const result = await Effect.flatMap(Pipeline, (pipeline) => pipeline.runVideo(file, wanted)).pipe(
    Effect.either,
    Effect.provide(Layer.provide(Layers.pipeline, Layer.merge(Layers.video(), model))),
    Effect.runPromise,
  )
  expect(costs).not.toContain(null)
  return {
    error: Either.isLeft(result) ? result.left : undefined,
    cost: costs.reduce<number>((sum, cost) => sum + (cost ?? 0), 0),
  }
}

type State = (folder: string) => void

const remove =
  (...names: ReadonlyArray<string>): State =>
  (dir) => {
    for (const name of names) rmSync(join(dir, name), { recursive: true })
  }
const edit =
  (name: string, change: (text: string) => string): State =>
  (dir) => {
    const path = join(dir, name)
    const text = readFileSync(path, "utf8")
    expect(change(text)).not.toBe(text)
    writeFileSync(path, change(text))
  }
const stepFolders = (dir: string) =>
  readdirSync(dir)
    .filter((name) => /^\d\d_/u.test(name))
    .toSorted()
const inStep =
  (index: number, change: (step: string) => State): State =>
  (dir) =>
    change(stepFolders(dir)[index] ?? "")(dir)
const nothing: State = () => undefined
const everything: State = (dir) => rmSync(dir, { recursive: true })
const firstPicture = (dir: string) => readdirSync(join(dir, "stage1/sampled_frames")).toSorted()[0] ?? ""
const betterGoal = (text: string) => text.replace("Stack the cube", "Stack the red cube")
const betterReason = (text: string) => text.replace("has to leave the table", "has to leave the surface")

interface Case {
  readonly name: string
  readonly state: State
  readonly changes?: Partial<RunSettings>
  readonly calls: number
  readonly from?: "rehearsal"
  /** How the model is asked; as for the folder that is there, if absent. */
  readonly asking?: Partial<Asking>
}

/** As a crash leaves it between a reply and what is made of it. */
const brokenOff =
  (change: (summary: Json, dir: string) => void): State =>
  (dir) => {
    const path = join(dir, "run_summary.json")
    const summary: Json = JSON.parse(readFileSync(path, "utf8"))
    change(summary, dir)
    writeFileSync(path, JSON.stringify(summary))
  }
const asRunning = (outcome: unknown): void => void Object.assign(Object(outcome), { status: "running" })
const breakOff = {
  draft: (summary: Json, dir: string) => {
    asRunning(summary.stage1)
    remove("stage1/draft_plan.json")(dir)
  },
  localization: (summary: Json, dir: string) => {
    asRunning(summary.stage2)
    remove("stage2/localization_raw.json")(dir)
  },
  /** Two of the steps. */
  steps: (summary: Json, dir: string) => {
    const { steps } = Object(summary.stage3)
    for (const i of [0, 2]) {
      asRunning(steps[i])
      inStep(i, (step) => remove(`${step}/step_final.json`))(dir)
    }
  },
}
/** Moves a reply to where it lies until it is judged. */
const unjudged =
  (stage: number): State =>
  (dir) => {
    const reply = `stage${stage}/stage${stage}_raw_response`
    for (const end of ["txt", "call.json"])
      renameSync(join(dir, `${reply}.${end}`), join(dir, `${reply}.attempt1.${end}`))
  }
const both =
  (...states: ReadonlyArray<State>): State =>
  (dir) => {
    for (const state of states) state(dir)
  }
const adopt = true

const overwrite = true
const cases: ReadonlyArray<Case> = [
  { name: "nothing there", state: everything, calls: 7 },
  { name: "nothing there, Stage 1", state: everything, changes: { stages: ["draft"] }, calls: 1 },
  {
    name: "nothing there, Stages 1 and 2",
    state: everything,
    changes: { stages: ["draft", "localize", "cut"] },
    calls: 2,
  },
  { name: "nothing there, Stage 2", state: everything, changes: { stages: ["localize", "cut"] }, calls: 0 },
  {
    name: "nothing there, Stages 1 and 3",
    state: everything,
    changes: { stages: ["draft", "refine"] },
    calls: 1,
  },
  { name: "nothing there, fewer frames", state: everything, changes: { maxFrames: 20 }, calls: 7 },
  { name: "finished", state: nothing, calls: 0 },
  { name: "finished, other number of frames", state: nothing, changes: { maxFrames: 20 }, calls: 7 },
  {
    name: "finished, more frames, Stage 1",
    state: nothing,
    changes: { maxFrames: 20, stages: ["draft"] },
    calls: 1,
  },
  {
    name: "finished, other number of frames, Stage 3",
    state: nothing,
    changes: { maxFrames: 20, stages: ["refine"] },
    calls: 0,
  },
  {
    name: "finished, key frames",
    state: nothing,
    changes: { sampling: "keyframe", maxFrames: 20 },
    calls: 7,
  },
  { name: "finished, other picture quality", state: nothing, changes: { jpegQuality: 60 }, calls: 0 },
  {
    name: "finished, other cut",
    state: nothing,
    changes: { cut: { mode: "reencode", crf: 30, preset: "fast", keepAudio: false, seekSlopSec: 1 } },
    calls: 0,
  },
  { name: "finished, other labels", state: nothing, changes: { imageLabels: "text" }, calls: 0 },
  { name: "finished, other schema", state: nothing, changes: { annotationSchema: "numbered" }, calls: 0 },
  { name: "finished, overwrite", state: nothing, changes: { overwrite }, calls: 7 },
  {
    name: "finished, overwrite Stage 1",
    state: nothing,
    changes: { overwrite, stages: ["draft"] },
    calls: 1,
  },
  {
    name: "finished, overwrite Stage 2",
    state: nothing,
    changes: { overwrite, stages: ["localize", "cut"] },
    calls: 1,
  },
  {
    name: "finished, overwrite Stage 3",
    state: nothing,
    changes: { overwrite, stages: ["refine"] },
    calls: 5,
  },
  {
    name: "finished, overwrite with another number of frames",
    state: nothing,
    changes: { overwrite, maxFrames: 20 },
    calls: 7,
  },
  { name: "edited goal of the draft", state: edit("stage1/draft_plan.json", betterGoal), calls: 6 },
  { name: "edited step of the draft", state: edit("stage1/draft_plan.json", betterReason), calls: 6 },
  {
    name: "edited draft, Stage 3",
    state: edit("stage1/draft_plan.json", betterGoal),
    changes: { stages: ["refine"] },
    calls: 0,
  },
  { name: "draft cut off", state: edit("stage1/draft_plan.json", (text) => text.slice(0, 300)), calls: 7 },
  { name: "draft missing", state: remove("stage1/draft_plan.json"), calls: 7 },
  { name: "reply of Stage 1 missing", state: remove("stage1/stage1_raw_response.txt"), calls: 7 },
  {
    name: "reply of Stage 2 changed",
    state: edit("stage2/stage2_raw_response.txt", (text) => `${text} `),
    calls: 6,
  },
  { name: "localization missing", state: remove("stage2/localization_raw.json"), calls: 6 },
  {
    name: "localization missing, Stage 2",
    state: remove("stage2/localization_raw.json"),
    changes: { stages: ["localize", "cut"] },
    calls: 1,
  },
  { name: "segments missing", state: remove("stage2/step_segments.json"), calls: 0 },
  { name: "clips missing", state: remove("stage2/step_clips"), calls: 0 },
  {
    name: "a picture missing",
    state: (dir) => remove(`stage1/sampled_frames/${firstPicture(dir)}`)(dir),
    calls: 0,
  },
  {
    name: "a picture damaged",
    state: (dir) => writeFileSync(join(dir, "stage1/sampled_frames", firstPicture(dir)), "x"),
    calls: 0,
  },
  { name: "manifest missing", state: remove("stage1/frame_manifest.json"), calls: 0 },
  { name: "a step missing", state: inStep(1, (step) => remove(step)), calls: 1 },
  {
    name: "two answers of steps missing",
    state: (dir) => {
      for (const i of [0, 2]) inStep(i, (step) => remove(`${step}/step_final.json`))(dir)
    },
    calls: 2,
  },
  {
    name: "the manifest of a step missing",
    state: inStep(0, (step) => remove(`${step}/frame_manifest.json`)),
    calls: 0,
  },
  { name: "the final plan missing", state: remove("causal_plan_with_keyframes.json"), calls: 0 },
  {
    name: "only Stage 1 there",
    state: (dir) => remove("stage2", ...stepFolders(dir), "causal_plan_with_keyframes.json")(dir),
    calls: 6,
  },
  {
    name: "a summary that cannot be read",
    state: (dir) => writeFileSync(join(dir, "run_summary.json"), "{"),
    calls: 0,
  },
  { name: "a reply of Stage 1 not used yet", state: brokenOff(breakOff.draft), calls: 0 },
  {
    name: "a reply of Stage 1 not judged yet",
    state: both(brokenOff(breakOff.draft), unjudged(1)),
    calls: 0,
  },
  { name: "a reply of Stage 2 not used yet", state: brokenOff(breakOff.localization), calls: 0 },
  {
    name: "a reply of Stage 2 not judged yet, labels beside the pictures",
    state: both(brokenOff(breakOff.localization), unjudged(2)),
    changes: { imageLabels: "text" },
    calls: 6,
  },
  { name: "replies of Stage 3 not used yet", state: brokenOff(breakOff.steps), calls: 0 },
  {
    name: "replies of all stages not used yet",
    state: brokenOff((summary, dir) => {
      breakOff.draft(summary, dir)
      breakOff.localization(summary, dir)
      breakOff.steps(summary, dir)
    }),
    calls: 0,
  },
  {
    name: "replies of all stages not used yet, Stage 2",
    state: brokenOff((summary, dir) => {
      breakOff.draft(summary, dir)
      breakOff.localization(summary, dir)
    }),
    changes: { stages: ["localize", "cut"] },
    calls: 0,
  },
  {
    name: "a reply not used yet that has changed",
    state: both(
      brokenOff(breakOff.draft),
      edit("stage1/stage1_raw_response.txt", (text) => `${text} `),
    ),
    calls: 7,
  },
  {
    name: "a reply not used yet, overwrite",
    state: brokenOff(breakOff.draft),
    changes: { overwrite },
    calls: 7,
  },
  {
    name: "a reply not used yet, other number of frames",
    state: brokenOff(breakOff.draft),
    changes: { maxFrames: 20 },
    calls: 7,
  },
  { name: "made by the original", state: makeOriginal, calls: 0 },
  { name: "made by the original, adopted", state: makeOriginal, changes: { adopt }, calls: 0 },
  {
    name: "made by the original, adopted with another number of frames",
    state: makeOriginal,
    changes: { adopt, maxFrames: 20 },
    calls: 0,
  },
  {
    name: "made by the original, adopted and overwritten",
    state: makeOriginal,
    changes: { adopt, overwrite },
    calls: 7,
  },
  {
    name: "made by the original, adopted without its pictures",
    state: both(makeOriginal, remove("stage1/sampled_frames", "stage1/frame_manifest.json")),
    changes: { adopt },
    calls: 0,
  },
  {
    name: "made by the original, adopted without a reply of a step",
    state: both(
      makeOriginal,
      inStep(1, (step) => remove(`${step}/stage3_raw_response.txt`)),
    ),
    changes: { adopt },
    calls: 1,
  },
  {
    name: "made by the original, adopted without its localization",
    state: both(makeOriginal, remove("stage2")),
    changes: { adopt },
    calls: 6,
  },
  {
    name: "made by the original, adopted with a draft that breaks a rule",
    state: both(
      makeOriginal,
      edit("stage1/draft_plan.json", (text) => text.replace("has to leave the table", "leaves at 3.2s")),
    ),
    changes: { adopt },
    calls: 7,
  },
  {
    name: "made by the original, adopted for Stage 3",
    state: makeOriginal,
    changes: { adopt, stages: ["refine"] },
    calls: 0,
  },
  ...[
    { name: "other pictures on the wire", asking: { sendMaxSidePx: 100 } },
    { name: "pictures looked at closely or not", asking: { model: "gpt-4.1", detail: "low" } },
    { name: "half the price", asking: { serviceTier: "flex" } },
    { name: "short answers", asking: { maxTokens: 450 } },
    { name: "labels beside the pictures", changes: { imageLabels: "text" as const } },
    { name: "labels on and beside the pictures", changes: { imageLabels: "both" as const } },
    {
      name: "smaller pictures at half the price, with labels beside them, by key frames",
      asking: { sendMaxSidePx: 64, serviceTier: "flex", maxTokens: 2600 },
      changes: { imageLabels: "text" as const, sampling: "keyframe" as const },
    },
  ].flatMap(
    ({ asking, changes = {}, name }): ReadonlyArray<Case> => [
      { name: `nothing there, ${name}`, state: everything, calls: 7, changes, ...(asking && { asking }) },
      {
        name: `a step missing, overwrite of Stage 3, ${name}`,
        state: inStep(1, (step) => remove(step)),
        calls: 5,
        changes: { ...changes, sampling: "uniform", overwrite, stages: ["refine"] },
        ...(asking && { asking }),
      },
    ],
  ),
  { name: "a rehearsal, asked of a model", state: nothing, calls: 7, from: "rehearsal" },
]

describe("a dry run tells what the run then does, and touches nothing", () => {
  test.each(oneIn(9, cases).map((one) => [one.name, one] as const))(
    "%s",
    async (_name, { asking: asked, state, changes, calls, from }) => {
      await using root = await temporaryFolder()
      cpSync(from === "rehearsal" ? rehearsed : made, root.path, { recursive: true })
      state(join(root.path, "cup"))
      const wanted = settings(root.path, changes)
      const before = stampsBelow(root.path)
      const asking = { ...usually, ...asked }
      const already = server.calls.length
      const foreseen = await foresee([video], wanted, asking)
      expect(stampsBelow(root.path)).toEqual(before)
      expect(server.calls).toHaveLength(already)
      const { cost, error } = await spend(video, wanted, asking)
      const seen = server.calls.slice(already)
      const pictures = seen.reduce((sum, call) => sum + call.images.length, 0)
      const distinct = (images: ReadonlyArray<Uint8Array>) =>
        new Set(images.map((image) => Bun.hash(image))).size
      const repeated = seen
        .filter((call) => call.stage === 1)
        .reduce((sum, call) => sum + call.images.length - distinct(call.images), 0)
      expect({ calls: foreseen.calls, images: foreseen.images, fails: foreseen.failures.length > 0 }).toEqual(
        {
          calls: seen.length,
          images: pictures,
          fails: error !== undefined,
        },
      )
      if (error !== undefined)
        expect(foreseen.failures[0]?.message.slice(0, 60)).toBe(error.message.slice(0, 60))
      expect(foreseen.repeated).toBeGreaterThanOrEqual(repeated)
      expect(foreseen.calls).toBe(calls)
      // A prompt that tells of an answer that is still missing has about the length that is assumed.
      const isKnown = seen.every(
        ({ stage }, i) => stage === 1 || seen.slice(0, i).every((one) => one.stage > 1),
      )
      const difference = Math.abs((foreseen.costUsd ?? Number.NaN) - cost)
      expect(difference).toBeLessThanOrEqual(isKnown ? 1e-9 : cost * 0.02)
    },
  )
})

test("several videos are looked at, and those that would fail are named", async () => {
  await using root = await temporaryFolder()
  const videos = join(root.path, "videos")
  mkdirSync(videos)
  cpSync(video, join(videos, "cup.mp4"))
  writeFileSync(join(videos, "broken.mp4"), "no video")
  writeFileSync(join(videos, "empty.mp4"), "")
  await makeVideo({ dir: videos, name: "other.mp4", frames: 96, firstNumber: 9 })
  const output = join(root.path, "out")
  cpSync(made, output, { recursive: true })
  const input = ["--input-video-dir", videos, "--output-root", output, "--max-frames", String(maxFrames)]
  const args = [
    "pipeline",
    ...input,
    "--dry-run",
    "--api-base",
    server.url,
    "--record",
    join(root.path, "tape"),
  ]
  const asked = server.calls.length
  const text = await runCli(args)
  expect(text.code).toBe(1)
  expect(text.stdout).toContain("videos        4\ncalls         7 ")
  expect(text.stdout).toContain("decode time   about ")
  expect(text.stderr.trimEnd().split("\n")).toHaveLength(2)
  expect(text.stderr).toContain("broken.mp4 is not a video")
  expect(text.stderr).toContain("empty.mp4 is empty")
  const json = await runCli([...args, "--json"])
  expect(json.code).toBe(1)
  expect(JSON.parse(json.stdout)).toMatchObject({ event: "dry_run", videos: 4, calls: 7 })
  expect(server.calls).toHaveLength(asked)
  expect(readdirSync(root.path).toSorted()).toEqual(["out", "videos"])
})

test("pictures that a short video repeats are told, because they are paid for", async () => {
  await using root = await temporaryFolder()
  const short = await makeVideo({ dir: root.path, name: "short.mp4", frames: 10 })
  const output = join(root.path, "out")
  const wanted = settings(output, { stages: ["draft", "localize", "cut"], maxFrames: 30 })
  const foreseen = await foresee([short], wanted)
  expect(foreseen).toMatchObject({ calls: 2, images: 60, repeated: 40 })
  expect(foreseen.decodeSeconds).toBeGreaterThan(0)
  const input = ["--input-video", short, "--output-root", output, "--max-frames", "30", "--rehearsal"]
  const { stdout } = await runCli(["pipeline", ...input, "--dry-run"])
  expect(stdout).toMatch(/^repeated {6}about \d+ of these: .* each is paid for$/mu)
})

test("a step whose clip has yet to be cut shows the frames of its range, and repeats them as its clip would", async () => {
  await using root = await temporaryFolder()
  const short = await makeVideo({ dir: root.path, name: "short.mp4", frames: 40 })
  const wanted = settings(join(root.path, "out"))
  expect(
    (await runPipeline(short, { ...wanted, stages: ["draft", "localize", "cut"] }, "rehearsal")).error,
  ).toBeUndefined()
  const withClips = await foresee([short], wanted, "rehearsal")
  rmSync(join(root.path, "out/short/stage2/step_clips"), { recursive: true })
  const withoutClips = await foresee([short], wanted, "rehearsal")
  expect(withoutClips).toEqual(withClips)
  const { segments } = await Bun.file(join(root.path, "out/short/stage2/step_segments.json")).json()
  const shown = segments.map(({ clip_frames }: { clip_frames: number }) => Math.min(maxFrames, clip_frames))
  const distinct = shown.reduce((sum: number, one: number) => sum + one, 0)
  const images = segments.length * maxFrames
  expect(distinct).toBeLessThan(images)
  expect(withoutClips).toMatchObject({ calls: segments.length, images, repeated: images - distinct })
})
