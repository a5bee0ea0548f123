import { describe, expect, test } from "bun:test"
import { problem } from "../../src/plan/problem.ts"
import {
  frameReference,
  isPlaceholder,
  textProblems,
  timeReference,
  tooLongTexts,
} from "../../src/plan/text-rules.ts"
import python from "./python-cases.json"

const verdict = (text: string): string =>
  [
    frameReference(text) === undefined ? "" : "f",
    timeReference(text) === undefined ? "" : "t",
    isPlaceholder(text) ? "p" : "",
  ].join("")

describe("references and placeholders are found where the original finds them", () => {
  test("in texts with all kinds of digits, spaces, cases and neighbours", () => {
    const differing = python.references.filter(([text = "", wanted]) => verdict(text) !== wanted)
    expect(differing).toEqual([])
    expect(new Set(python.references.map(([, flags]) => flags))).toEqual(new Set(["", "f", "t", "p", "ft"]))
  })

  test.each([
    ["the first picture", "f"],
    ["picture 3", "f"],
    ["In the beginning frame", "f"],
    ["the ending frame", "f"],
    ["3S", "t"],
    ["100000 ms", "t"],
    ["the 1990s radio", "t"],
    ["na", "p"],
    ["…", ""],
    ["none.", ""],
    ["frames 3-5 show it", ""],
    ["第12帧中夹爪闭合。", ""],
  ])("%p: %p", (text, flags) => {
    expect(verdict(text)).toBe(flags)
  })
})

test("a sentence about a long text quotes only its beginning, in printable characters", () => {
  const [found] = textProblems("$.a", `image${" ".repeat(50_000)}3`)
  expect(found?.code).toBe("frame_reference")
  expect(found?.message.length).toBeLessThan(200)
  expect(textProblems("$.a", "image\u0085 3")[0]?.message).not.toMatch(/\p{Cc}/u)
})

test("a text of more than 20,000 characters is named by its path, at any depth", () => {
  const long = "x".repeat(20_001)
  expect(tooLongTexts({ a: ["x".repeat(20_000), 1, null, { b: long }], c: long })).toEqual([
    problem("$.a[3].b", "too_large", "has 20001 characters; at most 20000 are read"),
    problem("$.c", "too_large", "has 20001 characters; at most 20000 are read"),
  ])
})
