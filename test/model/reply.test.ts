import { describe, expect, test } from "bun:test"
import { parseReply } from "../../src/model/reply.ts"

describe("one object is taken from", () => {
  test.each([
    ["bare JSON", '{"a": 1}'],
    ["white space and a byte order mark", '\uFEFF\n {"a": 1}\n\n'],
    ["a fence", '```json\n{"a": 1}\n```'],
    ["a fence without a language", '```\n{"a": 1}\n```'],
    ["prose around a fence", 'Here it is:\n```json\n{"a": 1}\n```\nI hope it helps.'],
    ["prose around bare JSON", 'Sure! {"a": 1} Anything else?'],
    [
      "prose with braces",
      'As asked {see above}: {"a": 1}. {} is not one.'.replace("{} is not one.", "{done}"),
    ],
    ["a think block", '<think>Maybe {"a": 2}?</think>\n{"a": 1}'],
    ["a lone end of thinking", 'I wonder, {"a": 2}...</think>{"a": 1}'],
    ["a think block and a fence", '<think>hm</think>\n```json\n{"a": 1}\n```'],
    ["the same object twice", '{"a": 1}\n{"a": 1}'],
  ])("%s", (_name, text) => {
    expect(parseReply(text)).toEqual({ ok: true, value: { a: 1 } })
  })

  test("text with braces, quotes and backslashes inside strings", () => {
    const value = { a: 'C:\\path {x} "quoted" }', b: { c: [1, { d: "}" }] } }
    expect(parseReply(`Result: ${JSON.stringify(value)} end`)).toEqual({ ok: true, value })
  })
})

describe("slips of the pen are mended, and it is said", () => {
  test.each([
    ["a trailing comma", '{"a": {"b": 1}, }', { a: { b: 1 } }],
    ["Python literals and quotes", "{'a': True, 'b': None}", { a: true, b: null }],
    ["a trailing comma in a fence", '```json\n{"a": 1,}\n```', { a: 1 }],
    ["a missing comma", '{"a": 1 "b": 2}', { a: 1, b: 2 }],
  ])("%s", (_name, text, value) => {
    expect(parseReply(text)).toEqual({ ok: true, value, repaired: true })
  })

  test("but what was cut off is never made up", () => {
    expect(parseReply('{"a": [1, 2').ok).toBe(false)
    expect(parseReply('Here: {"a": {"b": 1},').ok).toBe(false)
  })
})

describe("nothing is guessed from", () => {
  test.each([
    ["an empty reply", "", "empty"],
    ["only thinking", "<think>hm</think>", "empty"],
    ["prose", "I cannot do that.", "no JSON object"],
    ["a list", '[{"a": 1}]', "not a list"],
    ["a fenced list", '```json\n[{"a": 1}]\n```', "not a list"],
    ["a string", '"{}"', "not a list or a single value"],
    ["two different objects", '{"a": 1} or {"a": 2}', "2 JSON objects"],
    ["two fences that differ", '```json\n{"a": 1}\n```\n```json\n{"a": 2}\n```', "2 JSON objects"],
    ["an object that is cut off", '{"a": {"b": 1}', "not closed"],
    ["an object beyond repair", '{"a": ]{"b": 1}]}', "cannot be read"],
  ])("%s", (_name, text, says) => {
    const parsed = parseReply(text)
    expect(parsed.ok).toBe(false)
    expect(!parsed.ok && parsed.problem).toMatchObject({ path: "$", code: "not_json" })
    expect(!parsed.ok && parsed.problem.message).toContain(says)
  })
})
