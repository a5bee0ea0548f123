import { describe, expect, test } from "bun:test"
import { checkDraft } from "../../src/plan/draft.ts"
import { fewestMoments } from "../../src/plan/refined.ts"
import { annotationFor } from "../../src/plan/schemas.ts"
import { boundsText, contractSteps, preferenceText, stepsFrom, stepsText } from "../../src/plan/step-range.ts"
import { draftReply } from "../support/replies.ts"

describe("the number of steps", () => {
  test.each([
    [contractSteps, "3 to 8", "3 to 8 steps", "3 to 8 steps, preferably 4 to 7", 6],
    [stepsFrom(3, 8), "3 to 8", "3 to 8 steps", "3 to 8 steps", 6],
    [stepsFrom(1, 1), "1", "exactly 1 step", "exactly 1 step", 2],
    [stepsFrom(12, 12), "12", "exactly 12 steps", "exactly 12 steps", 24],
  ])("%j in words", (range, bounds, steps, preference, moments) => {
    expect([boundsText(range), stepsText(range), preferenceText(range)]).toEqual([bounds, steps, preference])
    expect(fewestMoments(range)).toBe(moments)
  })

  const verdict = (count: number, min: number, max: number) => {
    const checked = checkDraft(
      annotationFor("structured", { steps: { min, max } }),
      draftReply("structured", count),
    )
    return checked.ok
      ? checked.warnings.map(({ message }) => message)
      : checked.problems.map(({ message }) => message)
  }

  test.each([
    [1, 1, 50, []],
    [12, 10, 15, []],
    [9, 10, 15, ["must hold 10 to 15 steps, not 9"]],
    [16, 10, 15, ["must hold 10 to 15 steps, not 16"]],
    [4, 5, 5, ["must hold exactly 5 steps, not 4"]],
    [3, 3, 8, []],
  ] as const)("%i steps where %i to %i are asked for", (count, min, max, expected) => {
    expect(verdict(count, min, max)).toEqual([...expected])
  })
})
