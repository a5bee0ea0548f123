import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { validateFolder } from "../../src/dataset/validate.ts"
import { startChatServer } from "../support/chat-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { filesBelow } from "../support/run-cli.ts"
import { quickSettings, runPipeline } from "../support/run-pipeline.ts"

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let video: string

beforeAll(async () => {
  folder = await temporaryFolder()
  video = await makeVideo({ dir: folder.path, name: "video.mp4", frames: 60 })
})
afterAll(() => folder[Symbol.asyncDispose]())

const deep = `{"high_level_goal": ${"[".repeat(100_000)}${"]".repeat(100_000)}}`
const manyKeys = JSON.stringify(Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`key${i}`, i])))

describe("an odd reply is kept on disk, rejected with a reason, and asked for again", () => {
  test.each([
    ["nested 100,000 deep", deep, "nested more than 64 levels deep"],
    ["20,000 unknown keys", manyKeys, "more than 5000 values"],
    ["half a megabyte of blanks", `{${" ".repeat(500_000)}}`, "500002 characters long"],
    [
      "a text of 300,000 characters",
      `{"high_level_goal": "${"image ".repeat(50_000)}"}`,
      "has 300000 characters",
    ],
    ["fences and line breaks", "```\n".repeat(90_000), "no JSON object"],
  ])("%s", async (_name, odd, says) => {
    await using root = await temporaryFolder()
    await using server = startChatServer({ behave: (call, good) => (call.number === 1 ? odd : good) })
    const { error } = await runPipeline(video, quickSettings(root.path, { stages: ["draft"] }), server)
    expect(error).toBeUndefined()
    expect(server.calls).toHaveLength(2)
    const stage1 = join(root.path, "video/stage1")
    expect(readFileSync(join(stage1, "stage1_raw_response.attempt1.txt"), "utf8")).toBe(odd)
    const errors = readFileSync(join(stage1, "stage1_raw_response.attempt1.errors.json"), "utf8")
    expect(errors).toContain(says)
    expect(errors.length).toBeLessThan(20_000)
    expect(server.calls[1]?.turns.at(-1)?.text).toContain(says)
    // What is too long to be of use is not paid for once more.
    expect(server.calls[1]?.raw.length ?? 0).toBeLessThan((server.calls[0]?.raw.length ?? 0) + 120_000)
  })
})

test("what was normalised is on record, and texts can be stored anywhere", async () => {
  await using root = await temporaryFolder()
  await using server = startChatServer({
    annotation: "numbered",
    behave: ({ stage }, good) => {
      if (stage !== 1) return good
      const plan = JSON.parse(good)
      const [first, second, ...others] = plan.steps
      return JSON.stringify({
        ...plan,
        high_level_goal: "Stack\u0000the \uD83E cubes.",
        steps: [second, first, ...others],
      }).replace("1. The red_cube rests on the table.\\n2. ", "- The red_cube rests on the table\\n- ")
    },
  })
  const { error } = await runPipeline(
    video,
    quickSettings(root.path, { annotationSchema: "numbered" }),
    server,
  )
  expect(error).toBeUndefined()
  expect(server.calls).toHaveLength(7)
  const out = join(root.path, "video")
  expect(await Effect.runPromise(validateFolder(out))).toEqual([])
  const { stage1 } = await Bun.file(join(out, "run_summary.json")).json()
  expect(stage1.warnings).toEqual([
    "$.high_level_goal: has control characters or halves of characters, which were replaced",
    "$.steps[0].causal_chain.causal_precondition_on_spatial: was written as numbered statements that end in full stops",
    "$.steps: stood in the order 2, 1, 3, 4, 5 and were sorted by step_id",
  ])
  for (const file of filesBelow(out).filter((name) => name.endsWith(".json")))
    expect(readFileSync(join(out, file), "utf8")).not.toMatch(/\\ud[89a-f]|\\u0000/iu)
})

test("a goal whose letters take four bytes each gets names that fit, the same in every run", async () => {
  await using root = await temporaryFolder()
  const goal = "𐐀".repeat(80)
  await using server = startChatServer({
    behave: ({ stage }, good) => (stage === 1 ? good.replace("Set the jug down", goal) : good),
  })
  const settings = quickSettings(root.path)
  expect((await runPipeline(video, settings, server)).error).toBeUndefined()
  const out = join(root.path, "video")
  const name = readdirSync(out).find((entry) => entry.startsWith("04_")) ?? ""
  expect(name).toBe(`04_${"𐐨".repeat(61)}`)
  expect(readdirSync(join(out, "stage2/step_clips"))).toContain(`step${name}.mp4`)
  expect((await runPipeline(video, settings, server)).error).toBeUndefined()
  expect(server.calls).toHaveLength(7)
  expect(await Effect.runPromise(validateFolder(out))).toEqual([])
})
