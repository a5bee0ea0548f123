import { describe, expect, test } from "bun:test"
import { checkVerification } from "../../src/plan/verification.ts"

const pathsOf = (answer: unknown, language?: string) => {
  const verdict = checkVerification(answer, language)
  return verdict.ok ? [] : verdict.problems.map(({ code, path }) => `${path} ${code}`)
}

describe("An answer to whether a step is completed", () => {
  test.each([
    [{ completed: "yes", differs: "" }],
    [{ completed: "no", differs: "The right_hand lifts the jar_lid off." }],
    [{ completed: "cannot_tell", differs: "The left_hand hides the jar_lid." }],
  ])("is taken as it is: %j", (answer) => {
    const verdict = checkVerification(answer)
    expect(verdict.ok && verdict.value).toMatchObject(answer)
    expect(verdict.ok && verdict.warnings).toEqual([])
  })

  test.each(["none", "N/A", "Nothing differs.", "Frame 3 shows it."])(
    "needs no text where it is completed: %j is left out, and that is noted",
    (differs) => {
      const verdict = checkVerification({ completed: "yes", differs })
      expect(verdict.ok && verdict.value).toEqual({ completed: "yes", differs: "" })
      expect(verdict.ok && verdict.warnings.map(({ path }) => path)).toEqual(["$.differs"])
    },
  )

  test.each<[string, unknown, string]>([
    ["no verdict", { completed: "partly", differs: "The lid is half on." }, "$.completed wrong_type"],
    ["a boolean for a verdict", { completed: true, differs: "" }, "$.completed wrong_type"],
    ["nothing that differs", { completed: "no", differs: "" }, "$.differs empty"],
    ["white space for what differs", { completed: "cannot_tell", differs: " \n" }, "$.differs empty"],
    ["filler for what differs", { completed: "no", differs: "unknown" }, "$.differs placeholder_text"],
    [
      "a frame in its text",
      { completed: "no", differs: "In image 3 the lid is off." },
      "$.differs frame_reference",
    ],
    [
      "a time in its text",
      { completed: "no", differs: "At 3.2s the lid is off." },
      "$.differs time_reference",
    ],
    ["no text at all", { completed: "yes" }, "$.differs missing"],
    ["a number for a text", { completed: "yes", differs: 3 }, "$.differs wrong_type"],
    ["a confidence", { completed: "yes", differs: "", confidence: 0.9 }, "$.confidence unknown_key"],
  ])("is refused with %s", (_what, answer, expected) => {
    expect(pathsOf(answer)).toContain(expected)
  })

  test.each([[undefined], [null], ["yes"], [[]], [3]])("is refused if it is no object: %j", (answer) => {
    expect(pathsOf(answer).length).toBeGreaterThan(0)
  })

  test("goes by the language of the texts", () => {
    expect(pathsOf({ completed: "no", differs: "第三帧中盖子还在。" }, "zh")).toEqual([
      "$.differs frame_reference",
    ])
    expect(pathsOf({ completed: "no", differs: "右手把盖子放在桌上。" }, "zh")).toEqual([])
  })
})
