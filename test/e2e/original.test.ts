import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import type { RunSettings } from "../../src/config.ts"
import { errorsAmong, validateFolder } from "../../src/dataset/validate.ts"
import { startChatServer } from "../support/chat-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { makeOriginal } from "../support/original-folder.ts"
import { changedFiles, stampsBelow } from "../support/run-cli.ts"
import { quickSettings, runPipeline } from "../support/run-pipeline.ts"

const schemas = ["structured", "numbered"] as const

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let video: string

beforeAll(async () => {
  folder = await temporaryFolder()
  video = await makeVideo({ dir: folder.path, name: "video.mp4", frames: 60 })
  for (const annotation of schemas) {
    await using server = startChatServer({ annotation })
    const settings = quickSettings(join(folder.path, annotation), { annotationSchema: annotation })
    const { error } = await runPipeline(video, settings, server)
    if (error !== undefined) throw error
    makeOriginal(join(folder.path, annotation, "video"))
  }
})
afterAll(() => folder[Symbol.asyncDispose]())

/** A copy of a folder as the original implementation leaves it. */
const copyOfOriginal = async (annotation: (typeof schemas)[number] = "structured") => {
  const root = await temporaryFolder()
  cpSync(join(folder.path, annotation), root.path, { recursive: true, preserveTimestamps: true })
  return {
    root: root.path,
    out: join(root.path, "video"),
    [Symbol.asyncDispose]: () => root[Symbol.asyncDispose](),
  }
}

const findings = (out: string) => Effect.runPromise(validateFolder(out))
const errors = async (out: string) =>
  errorsAmong(await findings(out)).map(({ file, message }) => `${file}: ${message}`)

const edit = (path: string, from: string | RegExp, to: string): void =>
  writeFileSync(path, readFileSync(path, "utf8").replace(from, to))

describe("a folder of the original implementation is validated by what its files say", () => {
  test.each(schemas)("%s: it is valid, and a warning says how to continue it", async (annotation) => {
    await using copy = await copyOfOriginal(annotation)
    expect(await findings(copy.out)).toEqual([
      {
        file: "run_summary.json",
        message: "was written by the original implementation; a run with --adopt continues this folder",
        severity: "warning",
      },
    ])
  })

  const step = "04_set_the_jug_down"
  test.each([
    [
      "a goal that refers to a time",
      (out: string) =>
        edit(join(out, "stage1/draft_plan.json"), /"rationale": "/u, '"rationale": "At 3.2s, '),
      "stage1/draft_plan.json: $.steps[0].rationale",
    ],
    [
      "a clip that is gone",
      (out) => rmSync(join(out, `stage2/step_clips/step${step}.mp4`)),
      "stage2/step_clips",
    ],
    [
      "a picture that is cut off",
      (out) => {
        const pictures = join(out, "stage1/sampled_frames")
        writeFileSync(join(pictures, readdirSync(pictures).toSorted()[0] ?? ""), "x")
      },
      "is not a whole JPEG picture",
    ],
    [
      "times that differ from the pool's",
      (out) => edit(join(out, "stage2/step_segments.json"), /"start_sec": [\d.]+/u, '"start_sec": 0.5'),
      "stage2/step_segments.json: segments[0].start_sec must be 0",
    ],
    [
      "metadata that differs from the segment",
      (out) => edit(join(out, step, "step_meta.json"), /"clip_end_sec": [\d.]+/u, '"clip_end_sec": 99'),
      `${step}/step_meta.json: differs from the step's segment`,
    ],
    [
      "a keyframe out of range",
      (out) => edit(join(out, step, "step_final.json"), /"frame_index": \d+/u, '"frame_index": 77'),
      `${step}/step_final.json: $.critical_frames[0].frame_index`,
    ],
    [
      "a keyframe's picture that is gone",
      (out) => {
        const keyframe = readdirSync(join(out, step)).find((name) => name.startsWith("frame_0")) ?? ""
        rmSync(join(out, step, keyframe))
      },
      "s.jpg: is missing",
    ],
    [
      "no final plan",
      (out) => rmSync(join(out, "causal_plan_with_keyframes.json")),
      "causal_plan_with_keyframes.json",
    ],
    [
      "a stage that has failed",
      (out) => edit(join(out, "run_summary.json"), /("stage3": \{\s*"status": )"completed"/u, '$1"failed"'),
      "run_summary.json: Stage 3 is failed",
    ],
  ] satisfies ReadonlyArray<readonly [string, (out: string) => void, string]>)(
    "%s",
    async (_name, damage, says) => {
      await using copy = await copyOfOriginal()
      damage(copy.out)
      expect((await errors(copy.out)).join("\n")).toContain(says)
    },
  )
})

describe("a run continues it", () => {
  const refusal = async (changes: Partial<RunSettings>, prepare: (out: string) => void = () => undefined) => {
    await using copy = await copyOfOriginal()
    await using server = startChatServer()
    prepare(copy.out)
    const before = stampsBelow(copy.root)
    const { error } = await runPipeline(video, quickSettings(copy.root, changes), server)
    expect(server.calls).toHaveLength(0)
    expect(changedFiles(before, stampsBelow(copy.root))).toEqual([])
    return error
  }

  test.each(schemas)(
    "with --adopt, %s: nothing is asked, and then it is a folder like any other",
    async (annotation) => {
      await using copy = await copyOfOriginal(annotation)
      await using server = startChatServer({ annotation })
      const before = readFileSync(join(copy.out, "run_summary.json"), "utf8")
      const plan = readFileSync(join(copy.out, "causal_plan_with_keyframes.json"), "utf8")
      const settings = quickSettings(copy.root, { annotationSchema: annotation })
      expect((await runPipeline(video, { ...settings, adopt: true }, server)).error).toBeUndefined()
      expect(server.calls).toHaveLength(0)
      expect(await errors(copy.out)).toEqual([])
      expect(readFileSync(join(copy.out, "run_summary.original.json"), "utf8")).toBe(before)
      expect(readFileSync(join(copy.out, "causal_plan_with_keyframes.json"), "utf8")).toBe(plan)
      expect(readFileSync(join(copy.out, "stage1/stage1_user_prompt.txt"), "utf8")).toBe(
        "A prompt of the original.",
      )
      const summary = await Bun.file(join(copy.out, "run_summary.json")).json()
      expect(summary.adopted_from).toEqual({
        schema_fingerprint: `sha256:${"ab".repeat(32)}`,
        model: "some-vlm",
        updated_at_utc: "2026-01-12T09:30:00.123456Z",
      })
      expect(summary.stage1).toMatchObject({ adopted: true, attempts: 0 })
      const made = stampsBelow(copy.out)
      expect((await runPipeline(video, settings, server)).error).toBeUndefined()
      expect(changedFiles(made, stampsBelow(copy.out))).toEqual([])
    },
  )

  test("and asks only for what is missing or does not pass", async () => {
    await using copy = await copyOfOriginal()
    await using server = startChatServer()
    rmSync(join(copy.out, "02_place_the_red_cube_on_the_blue_block"), { recursive: true })
    edit(
      join(copy.out, "04_set_the_jug_down/step_final.json"),
      /"rationale": "/u,
      '"rationale": "See frame 3. ',
    )
    const { error, events } = await runPipeline(video, quickSettings(copy.root, { adopt: true }), server)
    expect(error).toBeUndefined()
    expect(server.calls.map(({ stage, stepId }) => `${stage}.${stepId}`).toSorted()).toEqual(["3.2", "3.4"])
    expect(await errors(copy.out)).toEqual([])
    const notices = events.flatMap((event) => (event.type === "Notice" ? [event.message] : []))
    expect(notices.join("\n")).toContain("the step 4 of the original implementation does not pass the checks")
  })

  test("and what it normalises in an answer is on record", async () => {
    await using copy = await copyOfOriginal("numbered")
    await using server = startChatServer()
    const from = "1. The red_cube rests on the table.\\n2. "
    edit(join(copy.out, "stage1/draft_plan.json"), from, "- The red_cube rests on the table\\n- ")
    const settings = quickSettings(copy.root, { annotationSchema: "numbered", adopt: true })
    await runPipeline(video, settings, server)
    const { stage1 } = await Bun.file(join(copy.out, "run_summary.json")).json()
    expect(stage1).toMatchObject({ adopted: true })
    expect(stage1.warnings).toEqual([
      "$.steps[0].causal_chain.causal_precondition_on_spatial: was written as numbered statements that end in full stops",
      "the answer is the original implementation's",
    ])
  })

  test("without a fingerprint also with --allow-legacy-resume", async () => {
    await using copy = await copyOfOriginal()
    await using server = startChatServer()
    edit(join(copy.out, "run_summary.json"), /"schema_fingerprint": "[^"]+",/u, "")
    const settings = quickSettings(copy.root, { allowLegacyResume: true })
    expect((await runPipeline(video, settings, server)).error).toBeUndefined()
    expect(server.calls).toHaveLength(0)
    expect(existsSync(join(copy.out, "run_summary.original.json"))).toBe(true)
  })

  const another = (out: string) =>
    edit(join(out, "run_summary.json"), /"source_video": "[^"]+"/u, '"source_video": "/a/b.mp4"')

  test.each([
    ["without a flag", {}, "FingerprintMismatch", "--adopt continues it"],
    [
      "with --allow-legacy-resume, but a fingerprint",
      { allowLegacyResume: true },
      "FingerprintMismatch",
      "--adopt continues it",
    ],
    ["with another pool size", { adopt: true, maxFrames: 12 }, "FingerprintMismatch", "give --max-frames 8"],
    [
      "with another annotation schema",
      { adopt: true, annotationSchema: "numbered" },
      "FingerprintMismatch",
      "give --annotation-schema structured",
    ],
  ] as const)("but not %s", async (_name, changes, reason, says) => {
    const error = await refusal(changes)
    expect(error).toMatchObject({ _tag: "DatasetError", reason })
    expect(error?.message).toContain(says)
  })

  test("but not for another video", async () => {
    expect(await refusal({ adopt: true }, another)).toMatchObject({ reason: "ForeignFolder" })
  })
})
