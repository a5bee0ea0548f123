import { describe, expect, test } from "bun:test"
import { mergePatch } from "../../src/model/patch.ts"
import { problem } from "../../src/plan/problem.ts"

test("a field called __proto__ is set and removed like any other, and changes no prototype", () => {
  const base: object = JSON.parse('{"a": {"b": 1}, "__proto__": {"c": 1}}')
  const problems = [problem("$.__proto__", "unknown_key", "is not part of the format")]
  const set = mergePatch(base, { patch: [{ path: "$.__proto__", value: { polluted: true } }] }, problems)
  expect(set.ok && Object.keys(set.value)).toEqual(["a", "__proto__"])
  expect(set.ok && "polluted" in set.value).toBe(false)
  const removed = mergePatch(base, { patch: [{ path: "$.__proto__", remove: true }] }, problems)
  expect(removed.ok && Object.keys(removed.value)).toEqual(["a"])
  expect(Object.getPrototypeOf({})).not.toHaveProperty("polluted")
})

test("a path into a prototype leads nowhere", () => {
  const problems = [problem("$.a", "empty", "must not be empty")]
  const merged = mergePatch(
    { a: { b: 1 } },
    { patch: [{ path: "$.a.constructor.prototype.x", value: 1 }] },
    problems,
  )
  expect(merged).toMatchObject({ ok: false, problem: { code: "bad_patch" } })
  expect(Object.hasOwn(Object.prototype, "x")).toBe(false)
})

describe("a change is made where its path says, or not at all", () => {
  const base = { list: [{ name: "a" }, { name: "b" }], note: "x" }
  const wrong = problem("$.list[1].name", "empty", "must not be empty")

  test.each([
    ["the field that was complained about", "$.list[1].name", "c", [{ name: "a" }, { name: "c" }]],
    ["the object around it", "$.list[1]", { name: "c" }, [{ name: "a" }, { name: "c" }]],
    ["the list around it", "$.list", [{ name: "c" }], [{ name: "c" }]],
  ])("%s is replaced", (_what, path, value, list) => {
    expect(mergePatch(base, { patch: [{ path, value }] }, [wrong])).toEqual({
      ok: true,
      value: { ...base, list },
      wasPatch: true,
    })
  })

  test.each([
    "$.list[1].name[last]",
    "$.list[1].name.",
    "$.list[1].name..x",
    "$.list[1].name[0",
    "$.list[1].name x.y",
    "$.list[1].name['x']",
    "$",
    "$.lis",
  ])("%s is refused", (path) => {
    expect(mergePatch(base, { patch: [{ path, value: "c" }] }, [wrong])).toMatchObject({
      ok: false,
      problem: {
        code: "bad_patch",
        message: `the patch changes ${path}, which was not asked for; answer with the whole object instead`,
      },
    })
  })
})
