import { describe, expect, test } from "bun:test"
import {
  type Dialect,
  firstDialect,
  sentWith,
  type Target,
  type Wanted,
} from "../../../src/model/client/parameters.ts"
import { wantedOf } from "../../../src/model/client/wanted.ts"
import type { ModelFamily } from "../../../src/model/families.ts"
import { type ProtocolName, protocols } from "../../../src/model/protocols/protocols.ts"
import { smallRequest, strictRequest } from "../../support/model-call.ts"

describe("what is wanted", () => {
  const settings = { apiBase: "https://example.com/v1", model: "m", callRetries: 0, callRetryBackoffSec: 0 }
  const wanted = (given: object, family: ModelFamily = {}, name: ProtocolName = "chat") =>
    wantedOf({ ...settings, ...given }, protocols[name], family)

  test("is what was given, and by default a temperature of 0.2 alone", () => {
    const given = {
      temperature: 0.7,
      maxTokens: 900,
      reasoningEffort: "low",
      detail: "high",
      serviceTier: "flex",
    }
    const { reasoningEffort: effort, ...others } = given
    expect(wanted(given)).toEqual({ wanted: { ...others, effort, unsupported: [] }, unsupported: [] })
    expect(wanted({ temperature: 0 }).wanted.temperature).toBe(0)
    expect(wanted({})).toEqual({ wanted: { temperature: 0.2, unsupported: [] }, unsupported: [] })
  })

  test.each<[string, object, ModelFamily, ProtocolName, ReadonlyArray<string>, string]>([
    [
      "a temperature",
      { temperature: 0.7 },
      { temperature: false },
      "chat",
      [],
      "the model takes no temperature: --temperature 0.7 is not sent",
    ],
    [
      "an effort",
      { reasoningEffort: "low" },
      { efforts: [] },
      "chat",
      ["reasoning_effort"],
      "the model takes no reasoning effort: --reasoning-effort low is not sent",
    ],
    [
      "another effort",
      { reasoningEffort: "low" },
      { efforts: ["high", "max"] },
      "chat",
      ["reasoning_effort"],
      "the model takes reasoning effort high, max only: --reasoning-effort low is not sent",
    ],
    [
      "a detail",
      { detail: "low" },
      { details: [] },
      "chat",
      ["detail"],
      "the model takes no image detail: --detail low is not sent",
    ],
    [
      "a detail",
      { detail: "low" },
      {},
      "anthropic",
      ["detail"],
      "the protocol anthropic takes no image detail: --detail low is not sent",
    ],
    [
      "a tier",
      { serviceTier: "flex" },
      {},
      "anthropic",
      ["service_tier"],
      "the protocol anthropic takes service tier auto, standard_only only: --service-tier flex is not sent",
    ],
    [
      "a form",
      { responseFormat: "json_object" },
      {},
      "anthropic",
      [],
      "the protocol anthropic has no --response-format json_object: answers are not held to a form",
    ],
  ])("and not taken is told: %s", (_what, given, family, name, unsupported, sentence) => {
    const found = wanted(given, family, name)
    expect(found.unsupported).toEqual([sentence])
    expect<unknown>(found.wanted.unsupported).toEqual(unsupported)
  })

  test("by default goes without saying where it is not taken", () => {
    expect(wanted({}, { temperature: false, efforts: [], details: [] }).unsupported).toEqual([])
  })
})

describe("what is sent", () => {
  const wanted: Wanted = {
    temperature: 0.2,
    maxTokens: 900,
    effort: "low",
    detail: "high",
    serviceTier: "flex",
  }
  const target = (changes: Partial<Target> = {}): Target => ({
    protocol: protocols.chat,
    family: {},
    wanted,
    ...changes,
  })
  const all = firstDialect(target(), "auto", true)
  const sent = (dialect: Partial<Dialect>, changes: Partial<Target> = {}, request = strictRequest) =>
    sentWith({ ...all, ...dialect }, target(changes), request)
  const names = (kind: string) => kind.split(" ").slice(3)

  test("is all that is wanted, as long as nothing was refused", () => {
    const { adjusted, format, kind, parameters } = sent({})
    expect<unknown>(parameters).toEqual({
      ...wanted,
      tokenLimit: "max_tokens",
      format: "json_schema",
      stream: true,
      streamOptions: true,
    })
    expect([format, adjusted]).toEqual(["json_schema", []])
    expect(kind).toStartWith("json_schema draft_plan max_tokens ")
    expect(names(kind)).toEqual([
      "temperature",
      "reasoning_effort",
      "detail",
      "service_tier",
      "stream",
      "stream_options",
      "response_format",
    ])
  })

  test.each<[Partial<Dialect>, ReadonlyArray<string>, string | undefined]>([
    [{ temperature: false }, ["temperature"], "temperature left out"],
    [{ effort: false }, ["reasoning_effort"], "reasoning_effort left out"],
    [{ detail: false }, ["detail"], "detail left out"],
    [{ serviceTier: false }, ["service_tier"], "service_tier left out"],
    [{ stream: false }, ["stream", "stream_options"], undefined],
    [{ streamOptions: false }, ["stream_options"], undefined],
    [{ format: "none" }, ["response_format"], undefined],
  ])("is less after a refusal, and another kind of request: %j", (dialect, left, told) => {
    const found = sent(dialect)
    expect(names(found.kind)).toEqual(names(sent({}).kind).filter((name) => !left.includes(name)))
    expect(found.adjusted).toEqual(told === undefined ? [] : [told])
  })

  test("has the limit of the length under the name that is taken, or under none", () => {
    const renamed = sent({ tokenLimit: "max_completion_tokens" })
    expect(renamed.parameters).toMatchObject({ maxTokens: 900, tokenLimit: "max_completion_tokens" })
    expect(renamed.adjusted).toEqual(["max_tokens sent as max_completion_tokens"])
    const without = sent({ tokenLimit: undefined })
    expect(without.parameters).not.toHaveProperty("maxTokens")
    expect(without.adjusted).toEqual(["max_tokens left out"])
    const unlimited = sent({ tokenLimit: undefined }, { wanted: { temperature: 0.2 } })
    expect(unlimited.adjusted).toEqual([])
  })

  test("is limited as the request says, where that says it", () => {
    expect(sent({}, {}, { ...strictRequest, maxTokens: 7 }).parameters.maxTokens).toBe(7)
  })

  test("is of the kind of its schema only where it is held to one", () => {
    expect(sent({}, {}, smallRequest).kind).toStartWith("json_object  max_tokens ")
  })
})

test("a dialect begins with the strictest form that both know, and with what the family takes", () => {
  const begun = (
    family: ModelFamily,
    format: Parameters<typeof firstDialect>[1] = "auto",
    name: ProtocolName = "chat",
  ) => firstDialect({ protocol: protocols[name], family }, format, false)
  expect(begun({})).toMatchObject({
    format: "json_schema",
    guess: "unused",
    temperature: true,
    tokenLimit: "max_tokens",
  })
  expect(begun({ format: "json_object" }).format).toBe("json_object")
  expect(begun({}, "json_object")).toMatchObject({ format: "json_object", guess: "used" })
  expect(begun({}, "json_object", "anthropic").format).toBe("none")
  expect(begun({ temperature: false, token_limit: "max_completion_tokens" })).toMatchObject({
    temperature: false,
    tokenLimit: "max_completion_tokens",
  })
})
