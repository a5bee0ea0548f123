import { expect, test } from "bun:test"
import { checkOf, ruleCases } from "./rule-cases.ts"

/** What is no object of JSON never comes to these checks. */
const objects = ruleCases.flatMap((rule) => (typeof rule.broken === "string" ? [] : [rule]))

test("nearly all rules are about objects", () => {
  expect(objects.length).toBeGreaterThan(0.8 * ruleCases.length)
})

test.each(objects)("$name: is one problem, told at its place", (rule) => {
  const { path, code, says } = rule
  const verdict = checkOf(rule)(rule.broken)
  expect<unknown>(verdict).toMatchObject({
    ok: false,
    problems: [{ path, code, message: expect.stringContaining(says) }],
  })
})
