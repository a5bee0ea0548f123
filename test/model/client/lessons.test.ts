import { describe, expect, test } from "bun:test"
import { confirmed, learn } from "../../../src/model/client/lessons.ts"
import { type Dialect, firstDialect, sentWith, type Target } from "../../../src/model/client/parameters.ts"
import { protocols } from "../../../src/model/protocols/protocols.ts"
import { ModelError, type RequestParameter } from "../../../src/model/VisionModel.ts"
import { strictRequest } from "../../support/model-call.ts"

const target: Target = {
  protocol: protocols.chat,
  family: {},
  wanted: { temperature: 0.2, maxTokens: 900, effort: "low", detail: "high", serviceTier: "flex" },
}
const first = firstDialect(target, "auto", true)
const refusal = (more: Partial<ModelError> = {}) =>
  new ModelError({ reason: "Rejected", rejection: "parameter_unsupported", message: "no", ...more })

/** What a refusal teaches about a request in this dialect: what changes in the dialect, and what is said. */
const lesson = (
  error: ModelError,
  dialect: Partial<Dialect> = {},
  known: Partial<Parameters<typeof learn>[3]> = {},
  wanted = target,
) => {
  const spoken = { ...first, ...dialect }
  const learned = learn(sentWith(spoken, wanted, strictRequest), error, wanted, {
    isAuto: true,
    isProven: false,
    ...known,
  })
  if (learned === undefined) return undefined
  const changes = Object.entries(learned.dialect).filter(([key, value]) => Reflect.get(spoken, key) !== value)
  return [Object.fromEntries(changes), learned.warning] as const
}

describe("a parameter that is refused by name is left out, renamed or weakened", () => {
  test.each<[RequestParameter, Partial<Dialect>, string]>([
    [
      "temperature",
      { temperature: false },
      "the model takes no temperature of 0.2: it is left out from now on",
    ],
    [
      "reasoning_effort",
      { effort: false },
      "the model takes no reasoning effort low: it is left out from now on",
    ],
    ["detail", { detail: false }, "the model takes no image detail high: it is left out from now on"],
    [
      "service_tier",
      { serviceTier: false },
      "the model is not served with service tier flex: it is left out from now on, and calls have the usual price",
    ],
    [
      "stream_options",
      { streamOptions: false },
      "the service takes no stream_options: they are left out from now on, and it may not count tokens",
    ],
    ["stream", { stream: false }, "the service does not stream: answers are read in one piece from now on"],
    [
      "response_format",
      { format: "json_object", guess: "used" },
      "the service does not take response_format json_schema: json_object from now on",
    ],
    [
      "max_tokens",
      { tokenLimit: "max_completion_tokens" },
      "the model takes no max_tokens: the limit is sent as max_completion_tokens from now on",
    ],
  ])("%s", (parameter, changes, warning) => {
    expect<unknown>(lesson(refusal({ parameter }))).toEqual([changes, warning])
  })

  test("a limit that is refused under all of its names is left out", () => {
    const error = refusal({ parameter: "max_completion_tokens" })
    expect(lesson(error, { tokenLimit: "max_completion_tokens" })).toEqual([
      { tokenLimit: undefined },
      "the model takes no limit of the answer's length: it is left out from now on",
    ])
  })

  test.each<[RequestParameter, Partial<Dialect>]>([
    ["temperature", { temperature: false }],
    ["reasoning_effort", { effort: false }],
    ["detail", { detail: false }],
    ["service_tier", { serviceTier: false }],
    ["stream_options", { streamOptions: false }],
    ["stream_options", { stream: false }],
    ["stream", { stream: false }],
    ["response_format", { format: "none" }],
    ["max_tokens", { tokenLimit: undefined }],
    // A late refusal of the first name, when the second is sent already.
    ["max_tokens", { tokenLimit: "max_completion_tokens" }],
  ])("but not %s in a request without it (%j)", (parameter, dialect) => {
    expect(lesson(refusal({ parameter }), { ...dialect, guess: "used" })).toBeUndefined()
  })

  test("what is to be kept is left to a service that is not to be told", () => {
    const error = refusal({ parameter: "prompt_cache_options" })
    const told = sentWith(first, target, strictRequest, "nothing")
    expect(told.parameters.cache).toBe("nothing")
    const learned = learn(told, error, target, { isAuto: true, isProven: false })
    expect(learned?.warning).toBe(
      "the service is not to be told what to put into its cache: it is left to it from now on",
    )
    const dialect = { ...first, ...learned?.dialect }
    expect(sentWith(dialect, target, strictRequest, "nothing").parameters).not.toHaveProperty("cache")
    expect(lesson(error, { guess: "used" })).toBeUndefined()
  })

  test("nor a form that the user has chosen", () => {
    const error = refusal({ parameter: "response_format" })
    expect(lesson(error, { guess: "used" }, { isAuto: false })).toBeUndefined()
  })

  test("and nothing is learned from a request that was worked on", () => {
    expect(lesson(refusal({ mayBePaid: true, parameter: "temperature" }))).toBeUndefined()
    expect(lesson(refusal({ mayBePaid: true, rejection: "bad_request" }))).toBeUndefined()
  })

  test.each(["Transient", "Throttled"] as const)(
    "and nothing is learned from an end that is %s",
    (reason) => {
      expect(lesson(refusal({ reason, parameter: "temperature" }))).toBeUndefined()
      expect(lesson(refusal({ reason }))).toBeUndefined()
    },
  )
})

describe("a refusal that names nothing", () => {
  test("of a first request with a schema lets the next weaker form be tried, once", () => {
    expect(lesson(refusal({ rejection: "bad_request" }))).toEqual([
      { format: "json_object", guess: "open" },
      "the service refuses a first request with a JSON schema: response_format json_object is tried",
    ])
    expect(lesson(refusal({ rejection: "bad_request" }), { guess: "used" })).toBeUndefined()
  })

  test("teaches nothing once such a request was taken, without a schema, or where it is about something else", () => {
    expect(lesson(refusal(), {}, { isProven: true })).toBeUndefined()
    expect(lesson(refusal(), { format: "json_object" })).toBeUndefined()
    expect(lesson(refusal({ rejection: "auth" }))).toBeUndefined()
    const only = { ...target, protocol: { ...protocols.chat, formats: ["json_schema"] as const } }
    expect(lesson(refusal(), {}, {}, only)).toBeUndefined()
  })

  test("of the weaker form says that it was not the form", () => {
    expect(lesson(refusal(), { format: "json_object", guess: "open" })).toEqual([
      { format: "json_schema", guess: "used" },
      undefined,
    ])
  })

  test("is understood when the weaker form is taken", () => {
    expect(confirmed({ ...first, guess: "open" }).guess).toBe("used")
    expect(confirmed({ ...first, guess: "unused" }).guess).toBe("unused")
  })
})
