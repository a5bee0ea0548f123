import { describe, expect, test } from "bun:test"
import { sentFormat, strictSchema, weaker } from "../../../src/model/protocols/format.ts"
import { smallRequest, strictRequest } from "../../support/model-call.ts"

const all = ["json_schema", "json_object", "none"] as const

test("formats grow weaker down to none", () => {
  expect(all.map((format) => weaker(all, format))).toEqual(["json_object", "none", undefined])
  expect(weaker(["json_schema", "none"], "json_schema")).toBe("none")
})

describe("the form that a request is sent with", () => {
  const partial = { ...strictRequest, isPartial: true }

  test.each(all)("is the one that is wanted where the schema holds: %s", (format) => {
    expect(sentFormat(all, format, strictRequest)).toBe(format)
  })

  test.each([
    ["without a schema", smallRequest],
    ["of some fields", partial],
  ])("is the next weaker than the schema for an answer %s", (_what, request) => {
    expect(sentFormat(all, "json_schema", request)).toBe("json_object")
    expect(sentFormat(["json_schema", "none"], "json_schema", request)).toBe("none")
    // A protocol may have no other.
    expect(sentFormat(["json_schema"], "json_schema", request)).toBe("none")
    for (const format of ["json_object", "none"] as const)
      expect(sentFormat(all, format, request)).toBe(format)
  })
})

describe("a schema in strict mode", () => {
  test.each([
    ["$schema", "https://json-schema.org/draft/2020-12/schema"],
    ["default", "a"],
    ["pattern", "a+"],
    ["format", "date"],
    ["minLength", 1],
    ["maxLength", 9],
    ["minItems", 1],
    ["maxItems", 9],
    ["minimum", 1],
    ["maximum", 9],
    ["multipleOf", 2],
    ["uniqueItems", true],
  ])("has no %s, at whatever depth", (keyword, value) => {
    const limited = { type: "string", [keyword]: value }
    expect(strictSchema({ ...limited, items: limited, anyOf: [limited] })).toEqual({
      type: "string",
      items: { type: "string" },
      anyOf: [{ type: "string" }],
    })
  })

  test("has every key of an object, those called like a keyword too, and no other", () => {
    const properties = { format: { type: "string" }, default: { type: "object", properties: {} } }
    expect(strictSchema({ type: "object", properties, required: [] })).toEqual({
      type: "object",
      properties: {
        format: { type: "string" },
        default: { type: "object", properties: {}, additionalProperties: false, required: [] },
      },
      required: ["format", "default"],
      additionalProperties: false,
    })
  })

  test("keeps all else as it is", () => {
    const schema = { type: ["string", "null"], enum: ["a", null], description: "d", const: 1 }
    expect(strictSchema(schema)).toEqual(schema)
  })
})
