import { describe, expect, test } from "bun:test"
import {
  bounded,
  checked,
  countProblems,
  type Problem,
  problem,
  problemLine,
  quoted,
} from "../../src/plan/problem.ts"

/** So many problems, each at a place of its own. */
const many = (count: number): ReadonlyArray<Problem> =>
  Array.from({ length: count }, (_, i) => problem(`$.steps[${i}]`, "missing", "is missing"))

describe("a problem", () => {
  test("is told with its path", () => {
    expect(problemLine(problem("$.steps[0]", "missing", "is missing"))).toBe("$.steps[0]: is missing")
  })

  test("has a path of 200 characters and a sentence of 600 at most, and shows where they were cut", () => {
    const { path, message } = problem("p".repeat(200), "missing", "m".repeat(600))
    expect([path, message]).toEqual(["p".repeat(200), "m".repeat(600)])
    const cut = problem("p".repeat(201), "missing", "m".repeat(601))
    expect([cut.path, cut.message]).toEqual([`${"p".repeat(199)}…`, `${"m".repeat(599)}…`])
  })

  test.each(["\u0000", "\u001b", "\n", "\u0085", "\ud83d"])(
    "shows in place of %j that something stood there",
    (character) => {
      const { path, message } = problem(`$.a${character}b`, "unknown_key", `is a${character}b`)
      expect([path, message]).toEqual(["$.a\uFFFDb", "is a\uFFFDb"])
      expect(quoted(`a${character}b`)).toBe('"a\uFFFDb"')
    },
  )

  test("quotes the first 80 characters, and no half of one", () => {
    expect(quoted("x".repeat(80))).toBe(`"${"x".repeat(80)}"`)
    expect(quoted("x".repeat(81))).toBe(`"${"x".repeat(79)}…"`)
    expect(quoted(`${"x".repeat(78)}👍👍`)).toBe(`"${"x".repeat(78)}\uFFFD…"`)
  })
})

describe("many problems", () => {
  test("are told up to the hundredth, and then how many more there are", () => {
    expect(bounded(many(100))).toEqual(many(100))
    expect(bounded(many(137))).toEqual([
      ...many(100),
      { path: "$", code: "more_problems", message: "37 more problems of these kinds" },
    ])
  })

  test.each([0, 1, 100, 101, 137])("are still counted where there are %d", (count) => {
    expect(countProblems(bounded(many(count)))).toBe(count)
  })
})

describe("a check", () => {
  test("accepts what has no problem, with its warnings", () => {
    expect(checked({ a: 1 }, [], many(1))).toEqual({ ok: true, value: { a: 1 }, warnings: many(1) })
  })

  test("tells of one place and kind once, the last that was found there, and of others each", () => {
    const [place] = many(1)
    if (place === undefined) throw new Error("no problem")
    const later = { ...place, message: "is still missing" }
    const other = { ...place, code: "empty" } as const
    expect(checked({ a: 1 }, [place, other, later], [], { b: 2 })).toEqual({
      ok: false,
      problems: [later, other],
      input: { b: 2 },
    })
  })

  test("does not accept what is nothing", () => {
    expect(checked(undefined, [])).toEqual({
      ok: false,
      problems: [problem("$", "wrong_type", "must be an object")],
    })
  })
})
