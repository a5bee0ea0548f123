import { describe, expect, test } from "bun:test"
import * as fc from "effect/FastCheck"
import { identifier, slug } from "../../src/plan/slug.ts"

describe("slug", () => {
  test.each([
    ["Pick up the cup", "pick_up_the_cup"],
    ["  Open - the   jar!  ", "_open_the_jar"],
    ["Cut (finely), at 45°", "cut_finely_at_45"],
    ["snake_case_stays", "snake_case_stays"],
    ["倒入 热水-壶", "倒入_热水_壶"],
    ["Crème brûlée №2", "crème_brûlée_2"],
    ["!!!", "unnamed"],
    ["", "unnamed"],
  ])("of %p is %p", (goal, expected) => {
    expect(slug(goal)).toBe(expected)
  })

  test("is cut at 80 characters without a trailing underscore", () => {
    expect(slug(`${"a".repeat(79)} b`)).toBe("a".repeat(79))
    expect(slug("字".repeat(100))).toBe("字".repeat(80))
    expect([...slug("𠀀".repeat(100))]).toHaveLength(80)
  })

  test("applied twice changes nothing, and only allowed characters are left", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        const once = identifier(text)
        expect(identifier(once)).toBe(once)
        expect(once).toMatch(/^[\p{L}\p{N}_]*$/u)
        expect(once.endsWith("_")).toBe(false)
      }),
      { numRuns: 2000 },
    )
  })
})
