import { beforeAll, describe, expect, test } from "bun:test"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { Effect, Either } from "effect"
import * as v from "valibot"
import { videoFolder } from "../../src/dataset/layout.ts"
import { localStore } from "../../src/dataset/local-store.ts"
import { claimFolder, reusableAnswer } from "../../src/dataset/resume.ts"
import { type Outcome, type RunSummary, runSummarySchema } from "../../src/dataset/run-summary.ts"
import { sha256 } from "../../src/plan/fingerprint.ts"
import { type Checked, problem } from "../../src/plan/problem.ts"
import { runFolder } from "../support/folders.ts"
import { runIn } from "../support/in-root.ts"
import { makeVideo } from "../support/media.ts"
import { quickSettings } from "../support/run-pipeline.ts"
import { withVideoRun } from "../support/video-run.ts"

/** What a rehearsal leaves before its first stage. */
let begun: RunSummary
beforeAll(async () => {
  const root = runFolder()
  const video = await makeVideo({ dir: runFolder(), name: "cup.mp4", frames: 8 })
  await withVideoRun(video, quickSettings(root), () => Effect.void)
  begun = v.parse(runSummarySchema, await Bun.file(join(root, "cup", "run_summary.json")).json())
})

const stage1 = {
  status: "completed" as const,
  attempts: 1,
  calls: [],
  warnings: [],
  wall_time_sec: 1,
  frame_manifest: "a",
  draft_plan: "b",
  system_prompt: "c",
  user_prompt: "d",
  raw_response: "e",
}

describe("a folder", () => {
  /** What a run like the one above finds of a folder with these files. */
  const claimed = async (
    files: Readonly<Record<string, unknown>>,
    replaceAll = false,
    changes: Partial<RunSummary> = {},
  ) => {
    const root = runFolder()
    mkdirSync(join(root, "cup"))
    for (const [name, json] of Object.entries(files)) {
      mkdirSync(dirname(join(root, "cup", name)), { recursive: true })
      writeFileSync(join(root, "cup", name), JSON.stringify(json))
    }
    const folder = videoFolder(localStore(root), "cup")
    const result = await runIn(root, Effect.either(claimFolder(folder, { ...begun, ...changes }, replaceAll)))
    return Either.isRight(result) ? result.right : [result.left.reason, result.left.message]
  }
  const other = () => ({ ...begun, source: { ...begun.source, content_fingerprint: "0".repeat(64) } })
  const prompts = () => ({ ...begun, schema_fingerprint: "0".repeat(64) })
  const real = () => ({ ...begun, rehearsal: false, stage1 })

  test("that is empty, or holds what a crash has left, is new", async () => {
    expect(await claimed({})).toBeUndefined()
    expect(await claimed({ ".tmp-0123456789ab": "half" })).toBeUndefined()
    // Somebody has removed it in mid-run, and folders were made once more.
    expect(await claimed({ "stage1/sampled_frames/.tmp-0123456789ab": "half" })).toBeUndefined()
  })

  test("of the same video, prompts and kind of model is gone on with", async () => {
    expect(await claimed({ "run_summary.json": begun })).toEqual(begun)
    expect(await claimed({ "run_summary.json": { ...real(), rehearsal: true } })).toMatchObject({ stage1 })
    expect(await claimed({ "run_summary.json": real() }, false, { rehearsal: false })).toEqual(real())
    // Nothing of the model's is in it yet.
    const unasked = { ...begun, rehearsal: false }
    expect(await claimed({ "run_summary.json": unasked })).toEqual(unasked)
  })

  test.each<[string, () => Readonly<Record<string, unknown>>, string, string]>([
    [
      "without a summary",
      () => ({ "notes.txt": 1 }),
      "ForeignFolder",
      "holds files but no readable run_summary.json",
    ],
    [
      "with a file in a folder",
      () => ({ "stage1/sampled_frames/a.jpg": 1 }),
      "ForeignFolder",
      "holds files but no readable run_summary.json",
    ],
    [
      "with a damaged summary",
      () => ({ "run_summary.json": {} }),
      "ForeignFolder",
      "holds files but no readable",
    ],
    [
      "of another video",
      () => ({ "run_summary.json": other() }),
      "ForeignFolder",
      "belongs to another video (",
    ],
  ])("%s is left alone, also if all is to be made again", async (_what, files, reason, says) => {
    for (const replaceAll of [false, true])
      expect<unknown>(await claimed(files(), replaceAll)).toEqual([reason, expect.stringContaining(says)])
  })

  test.each<[string, () => RunSummary, string, string]>([
    ["with other prompts", prompts, "FingerprintMismatch", "was made with the schema fingerprint 000"],
    ["with a real model's answers", real, "RehearsalOverReal", "which a rehearsal would replace"],
  ])("%s is left alone, unless all is to be made again", async (_what, summary, reason, says) => {
    const files = { "run_summary.json": summary() }
    expect<unknown>(await claimed(files)).toEqual([reason, expect.stringContaining(says)])
    expect(await claimed(files, true)).toEqual(summary())
  })
})

describe("an answer", () => {
  const check = (json: unknown): Checked<unknown> =>
    json === undefined || Reflect.get(Object(json), "bad") === true
      ? { ok: false, problems: [problem("$", "missing", "is missing")] }
      : { ok: true, value: json, warnings: [] }
  const done: Outcome = { ...stage1, inputs: "same", raw_response_sha256: sha256("reply") }

  const standing = (outcome: Outcome | undefined, change: (root: string) => void = () => undefined) => {
    const root = runFolder()
    writeFileSync(join(root, "reply.txt"), "reply")
    writeFileSync(join(root, "answer.json"), '{"a": 1}')
    change(root)
    const files = { dir: "", artefact: "answer.json", rawResponse: "reply.txt" }
    return runIn(root, reusableAnswer({ outcome, inputs: "same", ...files, check }))
  }

  test("that is complete, of the same inputs, and untouched stands", async () => {
    expect(await standing(done)).toEqual(Either.right({ a: 1 }))
    expect(await standing({ ...done, status: "failed", answered: true })).toEqual(Either.right({ a: 1 }))
  })

  test.each<[string, () => Outcome | undefined, ((root: string) => void) | undefined]>([
    ["not done yet", () => undefined, undefined],
    ["not done yet", () => ({ ...done, status: "failed" }), undefined],
    ["its inputs have changed", () => ({ ...done, inputs: "other" }), undefined],
    ["reply.txt is missing", () => done, (root) => rmSync(join(root, "reply.txt"))],
    ["reply.txt has changed", () => done, (root) => writeFileSync(join(root, "reply.txt"), "replies")],
    ["answer.json is missing or not valid", () => done, (root) => rmSync(join(root, "answer.json"))],
    [
      "answer.json is missing or not valid",
      () => done,
      (root) => writeFileSync(join(root, "answer.json"), '{"bad": true}'),
    ],
  ])("does not stand where it is so: %s", async (why, outcome, change) => {
    expect(await standing(outcome(), change)).toEqual(Either.left(why))
  })
})
