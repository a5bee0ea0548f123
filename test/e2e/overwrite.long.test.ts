import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { validateFolder } from "../../src/dataset/validate.ts"
import { type Behaviour, type ChatServer, startChatServer } from "../support/chat-server.ts"
import { finishedDataset } from "../support/finished.ts"
import { changedFiles, filesBelow, stampsBelow } from "../support/run-cli.ts"
import { quickSettings, runPipeline } from "../support/run-pipeline.ts"

let dataset: Awaited<ReturnType<typeof finishedDataset>>
beforeAll(async () => {
  dataset = await finishedDataset()
})
afterAll(() => dataset[Symbol.asyncDispose]())

type Changes = Parameters<typeof quickSettings>[1]

const overwrite = { overwrite: true, stepConcurrency: 1 }
const run = async (root: string, server: ChatServer, changes: Changes = overwrite) =>
  (await runPipeline(dataset.video, quickSettings(root, changes), server)).error
const findings = (out: string) => Effect.runPromise(validateFolder(out))
const askedFor = ({ calls }: ChatServer) =>
  calls.map(({ stage, stepId }) => (stepId === undefined ? `${stage}` : `${stage}.${stepId}`))
const everything = ["1", "2", "3.1", "3.2", "3.3", "3.4", "3.5"]

/** Answers that differ from those of before in their words. */
const reworded = (good: string): string => good.replaceAll("The gripper closes", "The two pads close")
const down: Behaviour = () => new Response("down", { status: 503 })

describe("what is there stands until its successor is whole", () => {
  test.each([
    ["the whole video", overwrite],
    ["one stage", { ...overwrite, stages: ["refine"] }],
    ["one stage, steps at once", { overwrite: true, stages: ["refine"], stepConcurrency: 4 }],
    ["Stage 2", { ...overwrite, stages: ["localize", "cut"] }],
    ["Stage 1", { ...overwrite, stages: ["draft"] }],
  ] as const)("with the service down, an overwrite of %s changes nothing", async (_what, changes) => {
    await using copy = await dataset.copy()
    await using server = startChatServer({ behave: down })
    const before = stampsBelow(copy.out)
    expect(await run(copy.root, server, changes)).toMatchObject({ _tag: "StageFailed" })
    const after = stampsBelow(copy.out)
    const changed = changedFiles(before, after).filter(
      (file) => !/run_summary|step_segments|\.mp4$/u.test(file),
    )
    expect(changed).toEqual([])
    expect(Object.keys(after)).toEqual(Object.keys(before))
    expect(await findings(copy.out)).toEqual([])
    await using again = startChatServer()
    expect(await run(copy.root, again, {})).toBeUndefined()
    expect(again.calls).toHaveLength(0)
    expect(await findings(copy.out)).toEqual([])
  })

  test("answers that are all rejected leave the one they should have replaced, with their own trace beside it", async () => {
    await using copy = await dataset.copy()
    await using server = startChatServer({
      behave: ({ stepId }, good) =>
        stepId === 2 ? good.replaceAll("The gripper", "In frame 3 the gripper") : good,
    })
    const changes = {
      ...overwrite,
      stages: ["refine"],
      retries: { draft: 1, localize: 1, refine: 1 },
    } as const
    expect(await run(copy.root, server, changes)).toMatchObject({ reason: "AnswerRejected" })
    expect(askedFor(server)).toEqual(["3.1", "3.2", "3.2", "3.3", "3.4", "3.5"])
    const replies = filesBelow(copy.out).filter((file) => /^02_.*raw_response\..*txt$/u.test(file))
    expect(replies.map((file) => file.split("/")[1])).toEqual([
      "stage3_raw_response.attempt1.txt",
      "stage3_raw_response.attempt2.txt",
      "stage3_raw_response.txt",
    ])
    expect(await findings(copy.out)).toEqual([])
  })

  test("one answer after the other is replaced; where the service goes away, the others stand", async () => {
    await using copy = await dataset.copy()
    await using server = startChatServer({
      behave: (call, good) => (call.number > 2 ? new Response("down", { status: 503 }) : reworded(good)),
    })
    await run(copy.root, server, { ...overwrite, stages: ["refine"] })
    const finals = filesBelow(copy.out).filter((file) => file.endsWith("step_final.json"))
    const isNew = finals.map((file) =>
      readFileSync(join(copy.out, file), "utf8").includes("The two pads close"),
    )
    expect(isNew).toEqual([true, true, false, false, false])
    expect(filesBelow(copy.out).filter((file) => file.endsWith("stage3_raw_response.txt"))).toHaveLength(5)
    // Without --overwrite the rest is kept as it is.
    await using again = startChatServer()
    expect(await run(copy.root, again, {})).toBeUndefined()
    expect(again.calls).toHaveLength(0)
    expect(await findings(copy.out)).toEqual([])
  })
})

describe("an overwrite that ends early is gone on with by the same command", () => {
  test.each([2, 1, 5, 3, 7])("after %i calls, and pays for nothing twice", async (calls) => {
    await using copy = await dataset.copy()
    await using first = startChatServer({
      behave: (call, good) => (call.number >= calls ? new Response("no", { status: 401 }) : reworded(good)),
    })
    expect(await run(copy.root, first)).toMatchObject({ _tag: "StageFailed" })
    const made = askedFor(first).slice(0, calls - 1)
    await using second = startChatServer({ behave: (_call, good) => reworded(good) })
    expect(await run(copy.root, second)).toBeUndefined()
    expect([...made, ...askedFor(second)]).toEqual(everything)
    expect(await findings(copy.out)).toEqual([])
    const plan = readFileSync(join(copy.out, "causal_plan_with_keyframes.json"), "utf8")
    expect(plan.match(/The two pads close/gu)?.length).toBe(15)
    // It has come to its end: the next one begins anew.
    await using third = startChatServer()
    expect(await run(copy.root, third)).toBeUndefined()
    expect(askedFor(third)).toEqual(everything)
    expect(await findings(copy.out)).toEqual([])
  })

  test("in the middle of asking again: what was received is used", async () => {
    await using copy = await dataset.copy()
    await using first = startChatServer({
      behave: ({ stage, turns }, good) =>
        stage > 1 || turns.length > 0
          ? new Response("no", { status: 401 })
          : good.replace("The cube", "In frame 3 the cube"),
    })
    expect(await run(copy.root, first)).toMatchObject({ _tag: "StageFailed" })
    expect(await findings(copy.out)).toEqual([])
    await using second = startChatServer()
    expect(await run(copy.root, second)).toBeUndefined()
    expect(second.calls.slice(0, 2).map(({ stage, turns }) => [stage, turns.length])).toEqual([
      [1, 2],
      [2, 0],
    ])
    expect(second.calls).toHaveLength(7)
    expect(await findings(copy.out)).toEqual([])
  })

  test("but one of something else, or after a run that has finished the video, begins anew", async () => {
    await using copy = await dataset.copy()
    const halfWay = async (changes: Changes) => {
      await using server = startChatServer({
        behave: ({ number }, good) => (number > 3 ? new Response("no", { status: 401 }) : reworded(good)),
      })
      await run(copy.root, server, changes)
      return askedFor(server).slice(0, 3)
    }
    expect(await halfWay(overwrite)).toEqual(["1", "2", "3.1"])
    expect(await halfWay({ ...overwrite, jpegQuality: 60 })).toEqual(["1", "2", "3.1"])
    await using plain = startChatServer()
    expect(await run(copy.root, plain, { jpegQuality: 60 })).toBeUndefined()
    expect(await findings(copy.out)).toEqual([])
    expect(JSON.parse(readFileSync(join(copy.out, "run_summary.json"), "utf8")).overwrite).toBeUndefined()
    expect(await halfWay({ ...overwrite, jpegQuality: 60 })).toEqual(["1", "2", "3.1"])
  })
})

test("what was asked for in vain counts in what the folder has cost", async () => {
  await using copy = await dataset.copy()
  const tokens = () =>
    JSON.parse(readFileSync(join(copy.out, "run_summary.json"), "utf8")).totals.prompt_tokens
  const before = tokens()
  await using server = startChatServer({
    behave: (_call, good) => good.replace("The cube", "In frame 3 the cube"),
  })
  const changes = { ...overwrite, stages: ["draft"], retries: { draft: 1, localize: 1, refine: 1 } } as const
  expect(await run(copy.root, server, changes)).toMatchObject({ reason: "AnswerRejected" })
  expect(tokens()).toBe(before + 2000)
})
