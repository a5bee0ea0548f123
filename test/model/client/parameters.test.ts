import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect, Either } from "effect"
import type { ModelReply, ModelRequest } from "../../../src/model/VisionModel.ts"
import { completion, type SeenCall, startChatServer } from "../../support/chat-server.ts"
import { callModel, smallRequest, strictRequest, withModel } from "../../support/model-call.ts"

setDefaultTimeout(60_000)

const refused = (message: string, more: object = {}, status = 400): Response =>
  Response.json({ error: { message, ...more } }, { status })

const sentBy = ({ raw }: SeenCall) => JSON.parse(raw) as Readonly<Record<string, unknown>>
const has = (call: SeenCall, name: string): boolean => Object.hasOwn(sentBy(call), name)

const noTemperature =
  "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported."
const otherLimit =
  "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."

describe("a parameter that a model refuses", () => {
  test.each([
    noTemperature,
    "temperature is deprecated for this model",
    "`temperature` may only be set to 1 when thinking is enabled",
    "Unknown parameter: 'temperature'.",
    "Extra inputs are not permitted: temperature",
  ])("is left out: %s", async (message) => {
    await using server = startChatServer({
      behave: (call) => (has(call, "temperature") ? refused(message) : completion("{}")),
    })
    const { result, warnings, events } = await callModel(server.url)
    expect(Either.isRight(result) && result.right).toMatchObject({
      text: "{}",
      adjusted: ["temperature left out"],
    })
    expect(server.calls).toHaveLength(2)
    expect(warnings.filter((line) => line.includes("takes no temperature of 0.2"))).toHaveLength(1)
    expect(events.map(({ outcome, adjusted }) => [outcome, adjusted])).toEqual([
      ["Rejected", []],
      ["ok", ["temperature left out"]],
    ])
  })

  test.each<[string, ModelRequest, object]>([
    ["given by the user", smallRequest, { maxTokens: 900 }],
    ["raised after an answer was cut off", { ...smallRequest, maxTokens: 900 }, {}],
  ])("is renamed where it has another name: %s", async (_name, request, settings) => {
    await using server = startChatServer({
      behave: (call) => (has(call, "max_tokens") ? refused(otherLimit) : completion("{}")),
    })
    const { result } = await callModel(server.url, settings, request)
    expect(Either.isRight(result) && result.right.adjusted).toEqual([
      "max_tokens sent as max_completion_tokens",
    ])
    expect(server.calls.map((call) => sentBy(call).max_completion_tokens)).toEqual([undefined, 900])
  })

  test("is left out where it is refused under both names", async () => {
    await using server = startChatServer({
      behave: (call) => {
        const name = ["max_tokens", "max_completion_tokens"].find((each) => has(call, each))
        return name === undefined
          ? completion("{}")
          : refused(`Unrecognized request argument supplied: ${name}`)
      },
    })
    const { result } = await callModel(server.url, { maxTokens: 900 })
    expect(Either.isRight(result) && result.right.adjusted).toEqual(["max_tokens left out"])
    expect(server.calls).toHaveLength(3)
  })

  test("is remembered, told once, and all that are refused are found one after the other", async () => {
    await using server = startChatServer({
      behave: (call) => {
        if (has(call, "temperature")) return refused(noTemperature)
        if (has(call, "max_tokens")) return refused(otherLimit)
        if (has(call, "stream_options")) return refused("stream_options is not supported")
        if (call.responseFormat === "json_schema") return refused("response_format is not supported")
        return call.stream ? completion("{}") : refused("unexpected")
      },
    })
    const calls = (complete: (request: ModelRequest) => Effect.Effect<ModelReply, unknown>) =>
      Effect.forEach([1, 2, 3], (attempt) => complete({ ...strictRequest, attempt }))
    const { result, warnings } = await withModel(server.url, { maxTokens: 900, stream: true }, calls)
    expect(Either.isRight(result)).toBe(true)
    expect(server.calls).toHaveLength(4 + 3)
    expect(warnings.filter((line) => /from now on/u.test(line))).toHaveLength(4)
  })

  test("is switched off if it is the stream itself, and the answer is read in one piece", async () => {
    await using server = startChatServer({
      behave: (call) => (call.stream ? refused("stream is not supported") : completion("{}")),
    })
    const { result, warnings } = await callModel(server.url, { stream: true })
    expect(Either.isRight(result) && result.right.text).toBe("{}")
    expect(server.calls.map(({ stream }) => stream)).toEqual([true, false])
    expect(warnings.filter((line) => line.includes("the service does not stream"))).toHaveLength(1)
  })

  test("costs one call, however many are made at once", async () => {
    await using server = startChatServer({
      behave: async (call) => {
        await Bun.sleep(20)
        if (has(call, "temperature")) return refused(noTemperature)
        return call.responseFormat === "json_schema"
          ? refused("response_format is not supported")
          : completion("{}")
      },
    })
    const calls = (complete: (request: ModelRequest) => Effect.Effect<ModelReply, unknown>) =>
      Effect.forEach(
        Array.from({ length: 40 }, (_, i) => i),
        (i) => complete({ ...strictRequest, videoId: `video ${i}` }),
        { concurrency: "unbounded" },
      )
    const { result } = await withModel(server.url, {}, calls)
    expect(Either.isRight(result) && result.right).toHaveLength(40)
    expect(server.calls).toHaveLength(42)
    expect(server.mostAtOnce()).toBeGreaterThan(4)
  })

  test("that was not sent ends the call", async () => {
    await using server = startChatServer({ behave: () => refused(noTemperature) })
    const { result } = await callModel(server.url)
    expect(Either.isLeft(result) && result.left).toMatchObject({ reason: "Rejected" })
    expect(server.calls).toHaveLength(2)
  })

  test("is not what a value out of range is", async () => {
    await using server = startChatServer({
      behave: () =>
        refused("max_tokens is too large: 900. This model supports at most 800 completion tokens"),
    })
    const { result } = await callModel(server.url, { maxTokens: 900 })
    expect(Either.isLeft(result) && result.left.message).toContain("choose a smaller --max-tokens")
    expect(server.calls).toHaveLength(1)
  })
})

describe("a format that a service refuses", () => {
  test.each<[string, unknown, number]>([
    [
      "by its states",
      [
        {
          error: {
            code: 400,
            message: "The specified schema produces a constraint that has too many states",
            status: "INVALID_ARGUMENT",
          },
        },
      ],
      400,
    ],
    [
      "by a name of its schema",
      [
        {
          error: { message: "Unknown name \"additionalProperties\" at 'generation_config.response_schema'" },
        },
      ],
      400,
    ],
    ["by its depth", { error: { message: "exceeds the maximum allowed nesting depth" } }, 400],
    ["by its conversion", { error: { message: "JSON schema conversion failed: unsupported keyword" } }, 400],
    ["with 500", { error: { message: "failed to parse grammar" } }, 500],
    ["in words that name nothing", { error: { message: "Invalid argument" } }, 400],
    ["without words", "", 422],
    ["as not found", { error: { message: "No endpoints found that support the requested parameters" } }, 404],
    ["as not implemented", "Not Acceptable", 406],
    ["in another language", { message: "参数错误", code: 400 }, 400],
  ])("%s is weakened once", async (_name, body, status) => {
    await using server = startChatServer({
      behave: (call) =>
        call.responseFormat === "json_schema"
          ? new Response(typeof body === "string" ? body : JSON.stringify(body), { status })
          : completion("{}"),
    })
    const { result, warnings } = await callModel(server.url, {}, strictRequest)
    expect(Either.isRight(result) && result.right.responseFormat).toBe("json_object")
    expect(server.calls).toHaveLength(2)
    expect(warnings.some((line) => line.includes("json_object"))).toBe(true)
  })

  test("is not blamed for what a weaker one does not mend, nor tried again", async () => {
    await using server = startChatServer({ behave: () => refused("no") })
    const calls = (complete: (request: ModelRequest) => Effect.Effect<ModelReply, unknown>) =>
      Effect.forEach([1, 2, 3], (attempt) => Effect.either(complete({ ...strictRequest, attempt })))
    const { result } = await withModel(server.url, {}, calls)
    expect(Either.isRight(result) && result.right.every(Either.isLeft)).toBe(true)
    expect(server.calls.map(({ responseFormat }) => responseFormat)).toEqual([
      "json_schema",
      "json_object",
      "json_schema",
      "json_schema",
    ])
  })

  test.each([401, 402, 403, 413])("is not suspected with %i", async (status) => {
    await using server = startChatServer({ behave: () => refused("no", {}, status) })
    await callModel(server.url, {}, strictRequest)
    expect(server.calls).toHaveLength(1)
  })

  test("is not suspected once it has worked", async () => {
    await using server = startChatServer({
      behave: ({ number }) => (number === 1 ? completion("{}") : refused("no")),
    })
    const calls = (complete: (request: ModelRequest) => Effect.Effect<ModelReply, unknown>) =>
      Effect.forEach([1, 2], (attempt) => Effect.either(complete({ ...strictRequest, attempt })))
    await withModel(server.url, {}, calls)
    expect(server.calls).toHaveLength(2)
  })

  test("that was chosen by the user stays", async () => {
    await using server = startChatServer({ behave: () => refused("response_format is not supported") })
    const { result } = await callModel(server.url, { responseFormat: "json_schema" }, strictRequest)
    expect(Either.isLeft(result) && result.left).toMatchObject({ rejection: "format_unsupported" })
    expect(server.calls).toHaveLength(1)
  })
})

test("an answer that the service keeps back for its form is asked for again, and may have been paid for", async () => {
  await using server = startChatServer({
    behave: ({ number }) =>
      number === 1
        ? refused("Failed to generate JSON. Please adjust your prompt.", {
            code: "json_validate_failed",
            failed_generation: "{",
          })
        : completion("{}"),
  })
  const { result, events } = await callModel(server.url, { callRetries: 1 }, strictRequest)
  expect(Either.isRight(result) && result.right.responseFormat).toBe("json_schema")
  expect(events[0]).toMatchObject({ outcome: "Transient", status: 400 })
  expect(events[0]?.estimated_tokens).toBeGreaterThan(0)
})
