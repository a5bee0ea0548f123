import { afterAll, beforeAll, expect, test } from "bun:test"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Either } from "effect"
import * as v from "valibot"
import { refuseBadEdits } from "../../src/dataset/edits.ts"
import { videoFolder } from "../../src/dataset/layout.ts"
import { localStore } from "../../src/dataset/local-store.ts"
import { type RunSummary, runSummarySchema } from "../../src/dataset/run-summary.ts"
import type { DraftPlan } from "../../src/plan/draft.ts"
import { sha256 } from "../../src/plan/fingerprint.ts"
import { annotationSchemas } from "../../src/plan/schemas.ts"
import { temporaryFolder } from "../support/folders.ts"
import { inRoot } from "../support/in-root.ts"
import { withValue } from "../support/json.ts"
import { makeVideo } from "../support/media.ts"
import { quickSettings, runPipeline } from "../support/run-pipeline.ts"

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let root: string
let summary: RunSummary

const draft = "stage1/draft_plan.json"
const draftPath = () => join(root, "video", draft)
let draftText: string

beforeAll(async () => {
  folder = await temporaryFolder()
  root = join(folder.path, "out")
  const video = await makeVideo({ dir: folder.path, name: "video.mp4", frames: 60 })
  const { error } = await runPipeline(video, quickSettings(root), "rehearsal")
  if (error !== undefined) throw error
  summary = v.parse(runSummarySchema, await Bun.file(join(root, "video", "run_summary.json")).json())
  draftText = readFileSync(draftPath(), "utf8")
})
afterAll(() => folder[Symbol.asyncDispose]())

/** What is said of a draft of this text, if it is refused. */
const refusalOf = async (text: string, recorded: Partial<RunSummary> = {}) => {
  writeFileSync(draftPath(), text)
  const reviewed = {
    folder: videoFolder(localStore(root), "video"),
    summary: { ...summary, ...recorded },
    annotation: annotationSchemas.structured,
    stages: new Set(["draft", "localize", "refine"]),
  }
  const result = await Effect.runPromise(inRoot(root)(Effect.either(refuseBadEdits(reviewed))))
  return Either.isLeft(result) ? result.left : undefined
}

/** The draft without the rationales of so many steps. */
const without = (rationales: number): string => {
  const steps = Array.from({ length: rationales }, (_, i) => `steps.${i}.rationale`)
  return JSON.stringify(steps.reduce((json, path) => withValue(json, path, undefined), JSON.parse(draftText)))
}

test.each([
  [1, ""],
  [2, " (and 1 more)"],
  [3, " (and 2 more)"],
])("of %d rules that an edit breaks the first is told, and how many more there are", async (count, more) => {
  const refusal = await refusalOf(without(count))
  expect(refusal).toMatchObject({ _tag: "DatasetError", reason: "EditInvalid", path: draftPath() })
  expect(refusal?.message).toStartWith(
    `${draftPath()} was changed by hand and breaks a rule: $.steps[0].rationale: `,
  )
  expect(refusal?.message).toContain(`${more}; nothing was asked or written.`)
  if (more === "") expect(refusal?.message).not.toContain("more)")
})

test("what a run has left stands, and what a run wrote under other rules is no edit", async () => {
  expect(await refusalOf(draftText)).toBeUndefined()
  const files = { ...summary.files, [draft]: sha256(Buffer.from(without(1))) }
  expect(await refusalOf(without(1), { files })).toBeUndefined()
})

test("steps that are not numbered in order are refused, as no run leaves them so", async () => {
  const plan: DraftPlan = JSON.parse(draftText)
  const [one, two, ...others] = plan.steps
  for (const [steps, given] of [
    [[two, one, ...others], "not 2, 1, 3"],
    [[one, ...others], "not 1, 3"],
  ] as const) {
    const refusal = await refusalOf(JSON.stringify({ ...plan, steps }))
    expect(refusal).toMatchObject({ reason: "EditInvalid" })
    const wanted = plan.steps.slice(0, steps.length).map((_, i) => i + 1)
    expect(refusal?.message).toContain(
      `$.steps: must number its steps ${wanted.join(", ")} in order, ${given}`,
    )
  }
})
