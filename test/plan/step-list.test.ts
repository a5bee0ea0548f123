import { describe, expect, test } from "bun:test"
import { checkDraft } from "../../src/plan/draft.ts"
import { annotationFor } from "../../src/plan/schemas.ts"
import { readStepList, stepListText } from "../../src/plan/step-list.ts"
import { withValue } from "../support/json.ts"
import { draftReply, type Json } from "../support/replies.ts"

describe("a list of steps", () => {
  test("is a goal a line, whatever the line ends, blanks and a byte order mark", () => {
    const text = "\uFEFFPick up the cup\r\n\r\n  Pour   the milk \n步骤一：打开盖子\rClose it"
    const goals = ["Pick up the cup", "Pour the milk", "步骤一：打开盖子", "Close it"]
    expect(readStepList(text)).toEqual({ ok: true, goals })
    expect(stepListText(goals)).toContain("\n- Pour the milk\n")
  })

  test.each([
    ["an empty file", "", "has no steps in it"],
    ["blanks", " \n\t\n", "has no steps in it"],
    ["one step twice", "Open it\nclose it\nOPEN  it!", "names the same step in lines 1 and 3"],
    ["a filler", "Open it\nunknown", 'because of line 2: "unknown" is placeholder text'],
    ["a duration", "Wait for 5 seconds", 'because of line 1: "5 seconds" refers to a time'],
    ["a long line", `Open it\n${"x".repeat(201)}`, "has 201 characters in line 2"],
    ["too many", Array.from({ length: 1000 }, (_, i) => `Step ${i}`).join("\n"), "has 1000 steps"],
  ])("is not %s", (_what, text, why) => {
    const read = readStepList(text)
    expect(read.ok ? "" : read.why).toContain(why)
  })
})

describe("a plan by a list of steps", () => {
  const stepList = [
    "Pick up the red_cube",
    "Place the red_cube on the blue_block",
    "Wipe the table",
    "Close the lid",
  ]
  const annotation = annotationFor("structured", { stepList, steps: { min: 1, max: 50 } })
  const withGoals = (...goals: ReadonlyArray<string>) =>
    goals.reduce<Json>(
      (plan, goal, i) => withValue(plan, `steps.${i}.step_goal`, goal),
      draftReply("structured", goals.length),
    )
  const check = (...goals: ReadonlyArray<string>) => checkDraft(annotation, withGoals(...goals))
  const told = (verdict: ReturnType<typeof check>) =>
    (verdict.ok ? verdict.warnings : verdict.problems).map(({ code, message }) => `${code}: ${message}`)

  test("has its goals in the list's words, in any order, some again and some not at all", () => {
    const verdict = check("close the lid.", "Pick up  the Red_Cube", "Close the lid")
    expect(verdict.ok && verdict.value.steps.map(({ step_goal }) => step_goal)).toEqual([
      "Close the lid",
      "Pick up the red_cube",
      "Close the lid",
    ])
    expect(told(verdict)).toEqual([
      "normalised: was written as it stands in the list of steps",
      "normalised: was written as it stands in the list of steps",
      'missing_goal: 2 steps of the list do not occur: "Place the red_cube on the blue_block", "Wipe the table"',
      'repeated_goal: "Close the lid" occurs 2 times',
    ])
  })

  test("is rejected with a goal of its own", () => {
    expect(told(check("Close the lid", "Close the box"))).toEqual([
      'unlisted_goal: "Close the box" is not in the list of steps; take one from it, word for word',
    ])
  })

  test("all of whose goals occur once is without a warning", () => {
    expect(told(check(...stepList))).toEqual([])
  })
})
