import { describe, expect, test } from "bun:test"
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import type { Effect } from "effect"
import type { DatasetStore } from "../../../src/dataset/DatasetStore.ts"
import {
  checkDraftFile,
  checkFinalPlan,
  checkLocalizationFile,
  checkStepFile,
} from "../../../src/dataset/validate/answers.ts"
import { finding, warning } from "../../../src/dataset/validate/finding.ts"
import { checkDraft, type DraftPlan } from "../../../src/plan/draft.ts"
import { annotationSchemas } from "../../../src/plan/schemas.ts"
import { runFolder } from "../../support/folders.ts"
import { runIn } from "../../support/in-root.ts"
import { withValue } from "../../support/json.ts"
import { draftReply, type Json, localizationReply, refinedReply } from "../../support/replies.ts"

const annotation = annotationSchemas.structured
const drafted = (): DraftPlan => {
  const verdict = checkDraft(annotation, draftReply("structured"))
  if (!verdict.ok) throw new Error("a good draft is rejected")
  return verdict.value
}
const draft = drafted()
const firstStep = draft.steps[0]
if (firstStep === undefined) throw new Error("a draft without steps")

/** Does something in a folder with one file of this text; without a file if there is none. */
const withFile = <A>(file: string, text: string | undefined, work: Effect.Effect<A, never, DatasetStore>) => {
  const root = runFolder()
  mkdirSync(dirname(join(root, file)), { recursive: true })
  if (text !== undefined) writeFileSync(join(root, file), text)
  return runIn(root, work)
}

const seconds = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]

describe("a draft plan", () => {
  const file = "stage1/draft_plan.json"
  const check = (json: unknown) => withFile(file, JSON.stringify(json), checkDraftFile("", annotation))

  test("as a run writes it is what it says, and nothing is told of it", async () => {
    expect<unknown>(await check(draft)).toEqual({ draft, findings: [] })
  })

  test("of a length that is only not preferred is told so", async () => {
    const short = { ...draft, steps: draft.steps.slice(0, 3) }
    expect<unknown>(await check(short)).toEqual({
      draft: short,
      findings: [warning(file, "$.steps: 3 steps; 4 to 7 are preferred")],
    })
  })

  test("that is not normalised is one error, however much that is about", async () => {
    const written = [0, 1].reduce(
      (json: Json, i) =>
        withValue(
          withValue(json, `steps.${i}.step_id`, `${i + 1}`),
          `steps.${i}.causal_chain.agent`,
          "Robot Arm",
        ),
      draftReply("structured"),
    )
    expect<unknown>(await check(written)).toEqual({ draft, findings: [finding(file, "is not normalised")] })
  })

  test("that breaks rules is none, and each of them is told", async () => {
    const broken = ["steps.0.rationale", "steps.1.rationale"].reduce(
      (json: Json, path) => withValue(json, path, "See frame 12."),
      draftReply("structured"),
    )
    expect<unknown>(await check(broken)).toEqual({
      draft: undefined,
      findings: [0, 1].map((i) => finding(file, expect.stringContaining(`$.steps[${i}].rationale: `))),
    })
  })
})

describe("a localization", () => {
  const file = "stage2/localization_raw.json"
  const check = (json: unknown) =>
    withFile(file, JSON.stringify(json), checkLocalizationFile("", draft, seconds, 10))
  const good = localizationReply(5, 10)

  test("of all steps, up to the end of the video, is what it says", async () => {
    expect<unknown>(await check(good)).toEqual({ localization: good, findings: [] })
  })

  test("that goes beyond the end is none", async () => {
    expect<unknown>(await check(withValue(good, "steps.4.end_frame_index", 12))).toEqual({
      localization: undefined,
      findings: [finding(file, "$.steps[4].end_frame_index: must be in 2..11, not 12")],
    })
  })

  test("whose draft or pool cannot be used is not judged", async () => {
    for (const [plan, pool] of [
      [undefined, seconds],
      [draft, undefined],
    ] as const)
      expect(await withFile(file, "{}", checkLocalizationFile("", plan, pool, 10))).toEqual({
        localization: undefined,
        findings: [],
      })
  })
})

describe("a refined step", () => {
  const folder = "01_pick_up_the_red_cube"
  const file = `${folder}/step_final.json`
  const check = (json: unknown) =>
    withFile(file, JSON.stringify(json), checkStepFile("", folder, annotation, firstStep, seconds))
  const reply = refinedReply("structured", { ...firstStep }, [2, 8])

  test("as a run writes it is what it says", async () => {
    expect<unknown>(await check(reply)).toEqual({ json: reply, value: reply, findings: [] })
  })

  test("that is not normalised is one error", async () => {
    const written = withValue(reply, "critical_frames.0.interaction.tools.0", "Robot Arm")
    expect<unknown>(await check(written)).toEqual({
      json: written,
      value: reply,
      findings: [finding(file, "is not normalised")],
    })
  })

  test("that breaks a rule is none", async () => {
    const broken = withValue(reply, "critical_frames.0.frame_index", 9)
    expect<unknown>(await check(broken)).toMatchObject({ json: broken, value: undefined })
  })
})

describe("the final plan", () => {
  const file = "causal_plan_with_keyframes.json"
  const steps = ["one", "two", "three"].map((name) => ({ folder: name, step: { step_goal: name } }))
  const plan = { high_level_goal: "Serve", steps: steps.map(({ step }) => step) }
  const check = (json: unknown) => withFile(file, JSON.stringify(json), checkFinalPlan("", "Serve", steps))
  const exactly = finding(file, "must hold exactly high_level_goal, as in the draft, and the steps in order")

  test("is made of the goal and the steps", async () => {
    expect<unknown>(await check(plan)).toEqual([])
  })

  test("names each step that differs from its own file", async () => {
    const differing = withValue(withValue(plan, "steps.0.step_goal", "x"), "steps.2.more", 1)
    expect<unknown>(await check(differing)).toEqual([
      finding(file, "steps[0] differs from one/step_final.json"),
      finding(file, "steps[2] differs from three/step_final.json"),
    ])
    expect<unknown>(await check({ ...plan, steps: "none" })).toHaveLength(3)
  })

  test.each([
    ["another goal", { ...plan, high_level_goal: "Clear" }],
    ["one more key", { ...plan, notes: "" }],
    ["one more step", { ...plan, steps: [...plan.steps, { step_goal: "four" }] }],
  ])("with %s is told what it must hold", async (_what, json) => {
    expect<unknown>(await check(json)).toEqual([exactly])
  })
})

test.each([
  ["missing", undefined],
  ["cut off", '{"steps": ['],
])("an answer that is %s is told, and nothing else of it", async (_what, text) => {
  const told = (file: string) => [finding(file, "is missing or not valid JSON")]
  const [one, two, three, four] = [
    "stage1/draft_plan.json",
    "stage2/localization_raw.json",
    "x/step_final.json",
    "causal_plan_with_keyframes.json",
  ] as const
  expect((await withFile(one, text, checkDraftFile("", annotation))).findings).toEqual(told(one))
  expect((await withFile(two, text, checkLocalizationFile("", draft, seconds, 10))).findings).toEqual(
    told(two),
  )
  const step = await withFile(three, text, checkStepFile("", "x", annotation, firstStep, seconds))
  expect(step.findings).toEqual(told(three))
  expect(await withFile(four, text, checkFinalPlan("", "Serve", []))).toEqual(told(four))
})
