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
    ["braces doubled as in a template", '{{"a": 1}}'],
    ["a think block", '<think>Maybe {"a": 2}?</think>\n{"a": 1}'],
    ["a lone end of thinking", 'I wonder, {"a": 2}...</think>{"a": 1}'],
    ["a thinking block", '<thinking>Maybe {"a": 2}?</thinking>\n{"a": 1}'],
    ["a think block in capitals", '<THINK>Maybe {"a": 2}?</THINK>{"a": 1}'],
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

test.each([
  ["as a whole", '[{"a": [1]}]'],
  ["in a fence", '```json\n[{"a": [1]}]\n```'],
  ["after thinking", '<think>[]</think>\n[ {"a": [1]} ]'],
])("an object that stands alone in a list, %s, is taken out of it", (_name, text) => {
  expect(parseReply(text)).toEqual({ ok: true, value: { a: [1] }, repaired: true })
})

describe("nothing is guessed from", () => {
  test.each([
    ["an empty reply", "", "empty"],
    ["only thinking", "<think>hm</think>", "empty"],
    ["prose", "I cannot do that.", "no JSON object"],
    ["an empty list", "[]", "not a list"],
    ["a list of two", '[{"a": 1}, {"b": 2}]', "not a list"],
    ["a list of a list", '[[{"a": 1}]]', "not a list"],
    ["a list of an object and more", '[{"a": 1}, null]', "not a list"],
    ["a fenced list of two", '```json\n[{"a": 1}, {"b": 2}]\n```', "not a list"],
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

describe("a reply that is too large is not read, whatever it holds", () => {
  const deep = (levels: number) => `{"a": ${"[".repeat(levels)}${"]".repeat(levels)}}`
  test.each([
    ["lists nested 100,000 deep", deep(100_000), "nested more than 64 levels"],
    ["objects nested 100,000 deep", `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`, "not read beyond"],
    ["objects nested 10,000 deep", `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`, "nested more than 64"],
    ["nesting in a fence", `\`\`\`json\n${deep(1000)}\n\`\`\``, "nested more than 64 levels"],
    ["nesting with a slip of the pen", deep(1000).replace(/\}$/u, ",}"), "nested more than 64 levels"],
    [
      "20,000 unknown keys",
      JSON.stringify(Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`key${i}`, i]))),
      "more than 5000 values",
    ],
    ["a megabyte of blanks", `{"a": 1${" ".repeat(1_000_000)}}`, "1000008 characters"],
  ])("%s", (_name, text, says) => {
    const parsed = parseReply(text)
    expect(!parsed.ok && parsed.problem).toMatchObject({ path: "$", code: "too_large" })
    expect(!parsed.ok && parsed.problem.message).toContain(says)
  })

  test("as deep and as large as allowed is read", () => {
    expect(parseReply(deep(63)).ok).toBe(true)
    expect(parseReply(JSON.stringify({ a: Array(4990).fill(1) })).ok).toBe(true)
    expect(parseReply(`${" ".repeat(399_000)}{"a": 1}`)).toEqual({ ok: true, value: { a: 1 } })
  })
})

describe("what JSON allows and other languages stumble over", () => {
  test.each([
    ["a key given twice counts as it was given last", '{"a": 1, "a": 2}', { a: 2 }],
    ["a number beyond all bounds", '{"a": 1e400}', { a: Number.POSITIVE_INFINITY }],
    ["a field called constructor", '{"constructor": 1}', { constructor: 1 }],
  ])("%s", (_name, text, value) => {
    expect(parseReply(text)).toEqual({ ok: true, value })
  })

  test("a field called __proto__ is a field", () => {
    const parsed = parseReply('{"__proto__": {"a": 1}}')
    expect(parsed.ok && Object.keys(parsed.value)).toEqual(["__proto__"])
    expect(parsed.ok && "a" in parsed.value).toBe(false)
  })
})

describe("long replies of nothing in particular are answered at once", () => {
  const fill = (piece: string) => piece.repeat(Math.floor(390_000 / piece.length))
  test.each([
    ["blanks", " "],
    ["line breaks", "\n"],
    ["fences", "```\n"],
    ["braces", "{"],
    ["braces and blanks", "{ "],
    ["braces and quotes", '{"'],
    ["quotes", '"'],
    ["brackets", "["],
    ["dots", "."],
    ["digits", "1 "],
    ["empty objects", "{} "],
    ["ends of thinking", "</think>"],
    ["beginnings of ends of thinking", "</thinking"],
    ["backslashes", "\\"],
  ])("%s", (_name, piece) => {
    expect(parseReply(`x ${fill(piece)} x`).ok).toBe(piece === "{} ")
    expect(parseReply(`\`\`\`${fill(piece)}`).ok).toBe(piece === "{} ")
    expect(parseReply(`{"a": ${fill(piece)}}`).ok).toBe(false)
  })
})
