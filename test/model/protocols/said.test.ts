import { describe, expect, test } from "bun:test"
import { excerpt, readSaid } from "../../../src/model/protocols/said.ts"

const plainly = (text: string): string => text

describe("an excerpt", () => {
  test("is all of a text of up to 300 characters, and the beginning of a longer one", () => {
    expect(excerpt("x".repeat(300), plainly)).toBe("x".repeat(300))
    expect(excerpt("x".repeat(301), plainly)).toBe(`${"x".repeat(300)}...`)
  })

  test("is one line without control characters, line breaks and blanks around it", () => {
    expect(excerpt(" \u001b[31ma\r\n\tb\u2028c\u0000 ", plainly)).toBe("[31ma b c")
  })

  test("holds no half of a character", () => {
    expect(excerpt(`${"x".repeat(299)}👍 and more`, plainly)).toBe(`${"x".repeat(299)}\uFFFD...`)
  })

  test("is made after secrets are taken out, those that it would cut through included", () => {
    const redact = (text: string) => text.replaceAll("secret", "[redacted]")
    expect(excerpt(`${"x".repeat(297)}secret`, redact)).toBe(`${"x".repeat(297)}[re...`)
  })
})

describe("what a service says", () => {
  const nothing = { code: "", type: "", param: "", message: "" }
  test.each<[string, unknown, object]>([
    [
      "in an object",
      { error: { code: "c", type: "t", param: "p", message: "m" } },
      { code: "c", type: "t", param: "p", message: "m" },
    ],
    ["in a text", { error: "m" }, { message: "m" }],
    ["in a list", [{ error: { code: 400, message: "m" } }], { code: "400", message: "m" }],
    [
      "within other errors, is what lies deepest",
      { message: "outer", error: { message: "m" } },
      { message: "m" },
    ],
    [
      "without a message, is told by the one around it",
      { message: "m", error: { code: "c" } },
      { code: "c", message: "m" },
    ],
    [
      "in the parameter alone",
      { message: "m", error: {}, detail: { param: "p" } },
      { param: "p", message: "m" },
    ],
    [
      "of several, is the first that has a message",
      { error: { code: "c" }, detail: { message: "m" } },
      { message: "m" },
    ],
    [
      "as a list of fields",
      {
        detail: [
          { loc: ["body", "n"], msg: "m" },
          { loc: [], msg: "k" },
        ],
      },
      { message: "body.n: m; : k" },
    ],
    [
      "in another word",
      { base_resp: { status_code: 1004, status_msg: "m" } },
      { code: "1004", message: "m" },
    ],
  ])("%s", (_how, body, said) => {
    expect(readSaid(JSON.stringify(body))).toEqual({ ...nothing, ...said })
  })

  test.each(["no JSON", "[]", "7", "null", '{"other": 1}'])(
    "is the whole text where it has no known form: %s",
    (text) => {
      expect(readSaid(text)).toEqual({ ...nothing, message: text })
    },
  )

  test("is kept up to its first 32,768 characters", () => {
    const long = "x".repeat(40_000)
    for (const text of [long, JSON.stringify(long), JSON.stringify({ error: { message: long, code: long } })])
      expect(readSaid(text).message).toBe("x".repeat(32_768))
  })
})
