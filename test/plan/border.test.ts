import { describe, expect, test } from "bun:test"
import { checkBorder } from "../../src/plan/border.ts"

describe("The answer to a look at a border", () => {
  test.each([
    [{ answer: "frame", frame_index: 1 }],
    [{ answer: "frame", frame_index: 25 }],
    [{ answer: "no_change", frame_index: 0 }],
    [{ answer: "before", frame_index: 0 }],
    [{ answer: "after", frame_index: 0 }],
  ])("may be %j", (json) => {
    expect(checkBorder(25, json)).toMatchObject({ ok: true, value: json })
  })

  test.each<[string, unknown, string]>([
    ["an index below the first", { answer: "frame", frame_index: 0 }, "$.frame_index"],
    ["an index above the last", { answer: "frame", frame_index: 26 }, "$.frame_index"],
    ["an index beside an answer that names none", { answer: "after", frame_index: 25 }, "$.frame_index"],
    ["a time for an index", { answer: "frame", frame_index: 12.5 }, "$.frame_index"],
    ["an index as text", { answer: "frame", frame_index: "07" }, "$.frame_index"],
    ["a word that is none of the four", { answer: "later", frame_index: 0 }, "$.answer"],
    ["nothing of the two", {}, "$.answer"],
    ["a key more", { answer: "frame", frame_index: 7, time: "12.5" }, "$.time"],
  ])("is not %s", (_what, json, path) => {
    const verdict = checkBorder(25, json)
    expect(verdict.ok).toBe(false)
    if (!verdict.ok) expect(verdict.problems.map((problem) => problem.path)).toContain(path)
  })

  test("is no list and no text", () => {
    for (const json of [[], "frame", null, 7]) expect(checkBorder(25, json).ok).toBe(false)
  })
})
