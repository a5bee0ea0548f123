import { describe, expect, test } from "bun:test"
import * as v from "valibot"
import { isPatchable, mergePatch, patchInstruction } from "../../src/model/patch.ts"
import { type ProblemCode, problem } from "../../src/plan/problem.ts"
import { parseShape } from "../../src/plan/shape.ts"

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
        path: "$",
        message: `the patch changes ${path}, which was not asked for; answer with the whole object instead`,
      },
    })
  })
})

describe("inside of what was complained about", () => {
  const base = { list: ["a", "b", "c"], listing: 1, step: { goal: "x" } }
  const wrong = [problem("$.step", "empty", "is empty"), problem("$.list", "empty", "is empty")]
  const merged = (...patch: ReadonlyArray<object>) => mergePatch(base, { patch }, wrong)
  const absent = (path: string) =>
    `the patch changes ${path}, which does not exist; answer with the whole object instead`

  test.each<[string, ReadonlyArray<object>, object]>([
    ["a field is set", [{ path: "$.step.goal", value: "y" }], { step: { goal: "y" } }],
    ["a field is added", [{ path: "$.step.agent", value: "arm" }], { step: { goal: "x", agent: "arm" } }],
    ["an entry is set", [{ path: "$.list[0]", value: "d" }], { list: ["d", "b", "c"] }],
    ["an entry is added at the end", [{ path: "$.list[3]", value: "d" }], { list: ["a", "b", "c", "d"] }],
    ["one entry is removed", [{ path: "$.list[1]", remove: true }], { list: ["a", "c"] }],
    [
      "changes follow one another",
      [
        { path: "$.step.goal", value: "y" },
        { path: "$.step.goal", remove: true },
        { path: "$.list[2]", remove: true },
        { path: "$.list[2]", value: "d" },
      ],
      { step: {}, list: ["a", "b", "d"] },
    ],
  ])("%s", (_what, patch, changed) => {
    expect(merged(...patch)).toEqual({ ok: true, value: { ...base, ...changed }, wasPatch: true })
  })

  test("a field that was set is like any other", () => {
    const result = merged({ path: "$.step.goal", value: "y" })
    const step: unknown = result.ok && Reflect.get(result.value, "step")
    expect(Object.getOwnPropertyDescriptor(step, "goal")).toEqual(
      Object.getOwnPropertyDescriptor({ goal: "y" }, "goal"),
    )
  })

  test.each<[string, object]>([
    ["$.list[4]", { value: "d" }],
    ["$.list[3]", { remove: true }],
    ["$.step.goal.word", { value: "d" }],
    ["$.step.agent.name", { value: "d" }],
  ])("%s does not exist, and nothing of its patch is applied", (path, change) => {
    const before = structuredClone(base)
    expect(merged({ path: "$.step.goal", value: "y" }, { path, ...change })).toEqual({
      ok: false,
      problem: problem("$", "bad_patch", absent(path)),
    })
    expect(base).toEqual(before)
  })

  test("is not what only begins alike", () => {
    expect(merged({ path: "$.listing", value: 2 }).ok).toBe(false)
  })
})

test("an answer that is no patch is taken for the whole object", () => {
  const whole = { step: 1 }
  expect(mergePatch({ step: 2 }, whole, [])).toEqual({ ok: true, value: whole, wasPatch: false })
})

test("a patch is asked for in three lines, of which the second shows one", () => {
  const [, form = "", ...others] = patchInstruction.split("\n")
  expect(form).toBe('{"patch": [{"path": "<one of the paths above>", "value": <its new value>}]}')
  expect(others).toHaveLength(1)
})

describe("an answer can be mended field by field", () => {
  const emptyAt = (path: string) => problem(path, "empty", "is empty")
  const fields = Array.from({ length: 13 }, (_, i) => emptyAt(`$.steps[${i}]`))

  test("if at most twelve fields are wrong", () => {
    expect(isPatchable({}, fields.slice(0, 12))).toBe(true)
    expect(isPatchable({}, fields)).toBe(false)
  })

  test("but not if the whole of it is wrong, whatever else is", () => {
    expect(isPatchable({}, [emptyAt("$.a"), emptyAt("$")])).toBe(false)
  })

  const shape = v.strictObject({ steps: v.array(v.strictObject({ goal: v.string() })) })
  const within = (key: string) => ({ steps: [{ goal: "x", [key]: 1 }] })

  test.each(["a-b", "step goal", "1st", "目标-一", "$ref", 'with "quotes"', "it's", "a/b", "a-b\\c"])(
    "if a field is called %s, which a patch can name",
    (key) => {
      const { problems } = parseShape(shape, within(key))
      expect(problems).toHaveLength(1)
      expect(isPatchable(within(key), problems)).toBe(true)
      const patch = [{ path: problems[0]?.path, remove: true }]
      expect(mergePatch(within(key), { patch }, problems)).toMatchObject({
        ok: true,
        value: { steps: [{ goal: "x" }] },
      })
    },
  )

  test.each(["a.b", "goal.x", "a[0]", "[0]", "", "tab\there", "x".repeat(300)])(
    "but not if a field is called %p, which a path cannot tell",
    (key) => {
      expect(isPatchable(within(key), parseShape(shape, within(key)).problems)).toBe(false)
    },
  )

  test.each<ProblemCode>([
    "not_json",
    "too_large",
    "truncated",
    "step_count",
    "step_set",
    "keyframe_count",
    "bad_patch",
  ])("but not if a rule of the whole is broken: %s", (code) => {
    expect(isPatchable({}, [emptyAt("$.a"), problem("$.steps", code, "is wrong")])).toBe(false)
  })
})
