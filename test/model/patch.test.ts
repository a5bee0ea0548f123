import { expect, test } from "bun:test"
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
