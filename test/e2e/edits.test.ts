import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { errorsAmong, validateFolder } from "../../src/dataset/validate.ts"
import { startChatServer } from "../support/chat-server.ts"
import { finishedDataset } from "../support/finished.ts"
import { valueAt, withValue } from "../support/json.ts"
import { oneIn } from "../support/long.ts"
import { changedFiles, filesBelow, stampsBelow } from "../support/run-cli.ts"
import { quickSettings, runPipeline } from "../support/run-pipeline.ts"

const step = "02_place_the_red_cube_on_the_blue_block"
const draft = "stage1/draft_plan.json"
const localization = "stage2/localization_raw.json"
const final = `${step}/step_final.json`
const plan = "causal_plan_with_keyframes.json"

let dataset: Awaited<ReturnType<typeof finishedDataset>>
beforeAll(async () => {
  dataset = await finishedDataset()
})
afterAll(() => dataset[Symbol.asyncDispose]())

const jsonAt = (out: string, file: string) => JSON.parse(readFileSync(join(out, file), "utf8"))
const edit = (out: string, file: string, path: string, value: unknown): string => {
  const text = JSON.stringify(withValue(jsonAt(out, file), path, value), null, 2)
  writeFileSync(join(out, file), text)
  return text
}
const errors = async (out: string) => errorsAmong(await Effect.runPromise(validateFolder(out)))

const run = async (root: string, changes: Parameters<typeof quickSettings>[1] = {}) => {
  await using server = startChatServer()
  const { error, events } = await runPipeline(dataset.video, quickSettings(root, changes), server)
  const notices = events.flatMap((event) => (event.type === "Notice" ? [event.message] : []))
  return {
    error,
    calls: server.calls.map(({ stage, stepId }) => (stepId ? `${stage}.${stepId}` : `${stage}`)),
    notices,
  }
}

type Edit = readonly [what: string, file: string, path: string, value: unknown, rule: string]

const bad: ReadonlyArray<Edit> = [
  [
    "a reference to a picture in a step",
    final,
    "critical_frames.0.action_state_change_description",
    "See frame 12.",
    "frame",
  ],
  ["a third keyframe", final, "critical_frames.2", {}, "is missing (and"],
  ["keyframes in the wrong order", final, "critical_frames.0.frame_index", 8, "must be greater"],
  ["a step that is called something else in its own folder", final, "step_goal", "Drop it", "must stay"],
  ["an unknown key in the draft", draft, "steps.1.notes", "mine", "notes"],
  ["a time in the draft", draft, "steps.1.rationale", "It happens at 3.2s.", "time"],
  ["a goal twice in the draft", draft, "steps.1.step_goal", "Pick up the red_cube", "repeats the goal"],
  ["a range that ends before it begins", localization, "steps.1.end_frame_index", 1, "steps[1]"],
  ["an index out of range", localization, "steps.4.end_frame_index", 99, "must be in 2..9"],
  ["half an index", localization, "steps.1.start_frame_index", 2.5, "steps[1]"],
  ["another goal in the final plan", plan, "high_level_goal", "Tidy up", "must hold exactly"],
  ["another text in the final plan", plan, "steps.1.rationale", "Because I say so.", final],
]

describe("an edit that breaks a rule is refused with the rule, nothing is asked and nothing is written:", () => {
  test.each(oneIn(3, bad))("%s", async (_what, file, path, value, rule) => {
    await using copy = await dataset.copy()
    edit(copy.out, file, path, value)
    const before = stampsBelow(copy.root)
    const { calls, error } = await run(copy.root)
    expect(error).toMatchObject({ _tag: "DatasetError", reason: "EditInvalid", path: join(copy.out, file) })
    expect(error?.message).toContain(rule)
    expect(error?.message).toContain("take it away to have it made again")
    expect(calls).toEqual([])
    expect(changedFiles(before, stampsBelow(copy.root))).toEqual([])
  })

  test("a step taken out of the middle of the draft", async () => {
    await using copy = await dataset.copy()
    const steps = jsonAt(copy.out, draft).steps
    edit(copy.out, draft, "steps", [steps[0], ...steps.slice(2)])
    const before = stampsBelow(copy.root)
    const { calls, error } = await run(copy.root)
    expect(error).toMatchObject({ reason: "EditInvalid" })
    expect(error?.message).toContain("not 1, 3, 4, 5")
    expect(calls).toEqual([])
    expect(changedFiles(before, stampsBelow(copy.root))).toEqual([])
  })

  test("also if the run that comes after it would begin anew for another reason", async () => {
    await using copy = await dataset.copy()
    edit(copy.out, final, "critical_frames.0.action_state_change_description", "See frame 12.")
    expect((await run(copy.root, { maxFrames: 10 })).error).toMatchObject({ reason: "EditInvalid" })
    // What a run does not touch is none of its business.
    expect((await run(copy.root, { stages: ["draft"] })).error).toBeUndefined()
  })
})

describe("what is no edit is made again as ever", () => {
  const damages: ReadonlyArray<readonly [string, (text: string) => string]> = [
    ["cut off", (text) => text.slice(0, -20)],
    ["empty", () => ""],
    ["no object", () => "[1, 2]"],
    ["not JSON", () => "not what it was"],
  ]
  test.each(oneIn(2, damages))("a file that is %s", async (_what, damage) => {
    await using copy = await dataset.copy()
    for (const [file, asked] of [
      [final, ["3.2"]],
      [localization, ["2"]],
      [plan, []],
      [draft, ["1"]],
    ] as const) {
      writeFileSync(join(copy.out, file), damage(readFileSync(join(copy.out, file), "utf8")))
      const { calls, error } = await run(copy.root)
      expect(error).toBeUndefined()
      expect(calls).toEqual([...asked])
    }
    expect(filesBelow(copy.out).filter((file) => file.includes(".previous-"))).toEqual([])
    expect(await errors(copy.out)).toEqual([])
  })
})

test("an edit with a comma too many is kept beside what is made again", async () => {
  await using copy = await dataset.copy()
  const text = readFileSync(join(copy.out, final), "utf8").replace(/\}\s*$/u, ",}\n")
  writeFileSync(join(copy.out, final), text)
  const { calls, error, notices } = await run(copy.root)
  expect({ calls, error }).toEqual({ calls: ["3.2"], error: undefined })
  expect(readFileSync(join(copy.out, final.replace(".json", ".previous-1.json")), "utf8")).toBe(text)
  expect(notices).toContainEqual(
    expect.stringContaining("was changed by hand; it is kept as step_final.previous-1.json"),
  )
})

describe("an edit that passes the rules", () => {
  test("is used, and stays as it is through any number of runs", async () => {
    await using copy = await dataset.copy()
    const text = edit(copy.out, final, "critical_frames.0.action_state_change_description", "The pads touch.")
    for (let i = 0; i < 2; i++) {
      const { calls, error } = await run(copy.root)
      expect({ calls, error }).toEqual({ calls: [], error: undefined })
      expect(readFileSync(join(copy.out, final), "utf8")).toBe(text)
      expect(
        valueAt(jsonAt(copy.out, plan), "steps.1.critical_frames.0.action_state_change_description"),
      ).toBe("The pads touch.")
    }
    expect(filesBelow(copy.out).filter((file) => file.includes(".previous-"))).toEqual([])
    expect(await errors(copy.out)).toEqual([])
  })

  test("is put in the common form where it is not, and kept as it was written", async () => {
    await using copy = await dataset.copy()
    const text = edit(copy.out, final, "critical_frames.0.interaction.tools.1", "Left Gripper")
    const { calls, error, notices } = await run(copy.root)
    expect({ calls, error }).toEqual({ calls: [], error: undefined })
    expect(jsonAt(copy.out, final).critical_frames[0].interaction.tools[1]).toBe("left_gripper")
    expect(readFileSync(join(copy.out, `${step}/step_final.previous-1.json`), "utf8")).toBe(text)
    expect(notices.join()).toContain("it is kept as step_final.previous-1.json")
    expect(await errors(copy.out)).toEqual([])
  })
})

describe("what a run replaces and has not written is kept beside it", () => {
  const others: ReadonlyArray<readonly [string, string, Parameters<typeof quickSettings>[1], string]> = [
    [
      "an edited step, by --overwrite",
      final,
      { overwrite: true, stages: ["refine"] },
      `${step}/step_final.previous-1.json`,
    ],
    ["an edited draft, by --overwrite", draft, { overwrite: true }, "stage1/draft_plan.previous-1.json"],
    [
      "an edited localization, by another pool",
      localization,
      { maxFrames: 10 },
      "stage2/localization_raw.previous-1.json",
    ],
    [
      "an edited final plan, by --overwrite",
      plan,
      { overwrite: true },
      "causal_plan_with_keyframes.previous-1.json",
    ],
    ["edited segments", "stage2/step_segments.json", {}, "stage2/step_segments.previous-1.json"],
    ["an edited manifest", "stage1/frame_manifest.json", {}, "stage1/frame_manifest.previous-1.json"],
    ["edited metadata", `${step}/step_meta.json`, {}, `${step}/step_meta.previous-1.json`],
  ]
  const changes: Readonly<Record<string, readonly [string, unknown]>> = {
    [final]: ["critical_frames.0.action_state_change_description", "The pads touch."],
    [draft]: ["high_level_goal", "Tidy the table up."],
    [localization]: ["steps.1.start_frame_index", 3],
    [plan]: ["high_level_goal", "Tidy the table up."],
    "stage2/step_segments.json": ["segments.1.start_sec", 0.5],
    "stage1/frame_manifest.json": ["frames.2.timestamp_sec", 0.5],
    [`${step}/step_meta.json`]: ["clip_start_sec", 0.5],
  }

  test.each(oneIn(2, others))("%s", async (_what, file, settings, kept) => {
    await using copy = await dataset.copy()
    const [path = "", value] = changes[file] ?? []
    const text = edit(copy.out, file, path, value)
    const { error } = await run(copy.root, settings)
    expect(error).toBeUndefined()
    expect(readFileSync(join(copy.out, kept), "utf8")).toBe(text)
    expect(await errors(copy.out)).toEqual([])
    // It is kept once, and outlives what comes.
    await run(copy.root, { overwrite: true })
    expect(readFileSync(join(copy.out, kept), "utf8")).toBe(text)
    expect(existsSync(join(copy.out, kept.replace("-1.", "-2.")))).toBe(false)
  })

  test("a prompt, a picture, a keyframe and a clip that somebody has put there", async () => {
    await using copy = await dataset.copy()
    const files = filesBelow(copy.out)
    const named = (pattern: RegExp) => files.filter((file) => pattern.test(file))
    const [picture = "", otherPicture = ""] = named(/^stage1\/sampled_frames\//u)
    const [keyframe = ""] = named(new RegExp(`^${step}/frame_`, "u"))
    const [clip = "", otherClip = ""] = named(/\.mp4$/u)
    const prompt = "stage2/stage2_user_prompt.txt"
    const put = new Map([
      [picture, readFileSync(join(copy.out, otherPicture))],
      [keyframe, readFileSync(join(copy.out, otherPicture))],
      [clip, readFileSync(join(copy.out, otherClip))],
      [prompt, Buffer.from("My own words.\n")],
    ])
    for (const [file, bytes] of put) writeFileSync(join(copy.out, file), bytes)
    const { calls, error } = await run(copy.root)
    expect({ calls, error }).toEqual({ calls: [], error: undefined })
    for (const [file, bytes] of put)
      expect(readFileSync(join(copy.out, file.replace(/\.(\w+)$/u, ".previous-1.$1"))).equals(bytes)).toBe(
        true,
      )
    expect(await errors(copy.out)).toEqual([])
  })

  test("an edited step of a goal that is no longer in the plan stays where it is", async () => {
    await using copy = await dataset.copy()
    const text = edit(copy.out, final, "critical_frames.0.action_state_change_description", "The pads touch.")
    edit(copy.out, draft, "steps.1.step_goal", "Stack the red_cube")
    const { error } = await run(copy.root)
    expect(error).toBeUndefined()
    expect(filesBelow(copy.out).filter((file) => file.startsWith(step))).toEqual([final])
    expect(readFileSync(join(copy.out, final), "utf8")).toBe(text)
  })
})
