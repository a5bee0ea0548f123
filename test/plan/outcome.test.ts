import { describe, expect, test } from "bun:test"
import type { DraftStep } from "../../src/plan/annotation.ts"
import { checkDraft } from "../../src/plan/draft.ts"
import { checkRefined } from "../../src/plan/refined.ts"
import { annotationFor, annotationSchemaNames } from "../../src/plan/schemas.ts"
import { jsonSchema } from "../../src/stages/prompts.ts"
import { draftReply, type Json, refinedReply } from "../support/replies.ts"

describe.each([...annotationSchemaNames])("The outcome of a step in %s", (name) => {
  const plain = annotationFor(name)
  const asked = annotationFor(name, { outcome: true })
  const drafted = draftReply(name, 4)
  const [step = {}] = drafted.steps as ReadonlyArray<Json>
  const reply = refinedReply(name, step, [1, 2])
  const check = (input: unknown, annotation = asked) =>
    checkRefined(annotation, step as unknown as DraftStep, [0, 0.5, 1], input)
  const problemsOf = (input: unknown, annotation = asked) => {
    const verdict = check(input, annotation)
    return verdict.ok ? [] : verdict.problems.map(({ code, path }) => `${path} ${code}`)
  }

  test.each(["succeeded", "failed", "unclear"])("%s is taken as it is, as the last field", (outcome) => {
    const verdict = check({ outcome, ...reply })
    if (!verdict.ok) throw new Error("refused")
    expect(verdict.warnings).toEqual([])
    expect(verdict.value.outcome).toBe(outcome)
    expect(Object.keys(verdict.value).at(-1)).toBe("outcome")
    // What was written passes the same check when a run continues.
    expect(check(verdict.value)).toMatchObject({ ok: true, value: verdict.value })
  })

  test.each([
    ["Succeeded", "succeeded"],
    [" FAILED.\n", "failed"],
    ["success", "succeeded"],
    ["Successful.", "succeeded"],
    ["Failure", "failed"],
    ["\uFEFFunclear", "unclear"],
  ])("%j can only be %s, and more than a mark is noted", (given, outcome) => {
    const verdict = check({ ...reply, outcome: given })
    expect(verdict).toMatchObject({ ok: true, value: { outcome } })
    expect(verdict.ok && verdict.warnings.map(({ path }) => path)).toContain("$.outcome")
  })

  test.each([
    ["another word", "partly", "wrong_type"],
    ["two of them", "succeeded|failed", "wrong_type"],
    ["a negation", "not succeeded", "wrong_type"],
    ["a truth value", true, "wrong_type"],
    ["a number", 1, "wrong_type"],
    ["a list", ["failed"], "wrong_type"],
    ["an object", { value: "failed" }, "wrong_type"],
    ["nothing", null, "wrong_type"],
    ["an empty text", "", "wrong_type"],
    ["a word in another language", "成功", "wrong_type"],
    ["the name of a property of all objects", "constructor", "wrong_type"],
    ["one that is no text either", "toString", "wrong_type"],
  ])("%s is refused", (_what, outcome, code) => {
    expect(problemsOf({ ...reply, outcome })).toEqual([`$.outcome ${code}`])
  })

  test("filler is refused as such, too", () => {
    expect(problemsOf({ ...reply, outcome: "unknown" })).toContain("$.outcome wrong_type")
  })

  test("the reason names the words that there are", () => {
    const verdict = check({ ...reply, outcome: "partly" })
    expect(verdict.ok ? [] : verdict.problems.map(({ message }) => message)).toEqual([
      'must be one of "succeeded", "failed", "unclear", not "partly"',
    ])
  })

  test("is missed where it was asked for, and no field where it was not", () => {
    expect(problemsOf(reply)).toEqual(["$.outcome missing"])
    expect(problemsOf({ ...reply, outcome: "failed" }, plain)).toEqual(["$.outcome unknown_key"])
    expect(problemsOf(reply, plain)).toEqual([])
  })

  test("is asked of refined steps alone: neither drafts nor keyframes have it", () => {
    const steps = (drafted.steps as ReadonlyArray<Json>).map((one) => ({ ...one, outcome: "failed" }))
    const verdict = checkDraft(asked, { ...drafted, steps })
    expect(verdict.ok ? [] : verdict.problems.map(({ code }) => code)).toEqual(steps.map(() => "unknown_key"))
    const frames = (reply.critical_frames as ReadonlyArray<Json>).map((one) => ({
      ...one,
      outcome: "failed",
    }))
    expect(problemsOf({ ...reply, critical_frames: frames, outcome: "failed" })).toEqual([
      "$.critical_frames[0].outcome unknown_key",
      "$.critical_frames[1].outcome unknown_key",
    ])
  })

  test("the form of answers requires one of three words", () => {
    const { properties, required } = jsonSchema(asked.finalStep)
    expect(properties?.outcome).toEqual({ enum: ["succeeded", "failed", "unclear"], type: "string" })
    expect(required).toEqual([...(jsonSchema(plain.finalStep).required ?? []), "outcome"])
    expect(JSON.stringify(jsonSchema(plain.finalStep))).not.toContain('outcome":{"enum')
  })

  test("rehearsed, it is unclear, and passes the check", () => {
    const rehearsed = asked.specimen.finalStep(step as unknown as DraftStep, [1, 2], "Nobody has looked.")
    expect(check(rehearsed)).toMatchObject({ ok: true, value: { outcome: "unclear" } })
  })
})
