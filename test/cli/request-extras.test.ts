import { describe, expect, test } from "bun:test"
import { Effect, Either, Redacted } from "effect"
import { extraBodyOf, fieldsOf } from "../../src/cli/request-extras.ts"
import { givenSecrets } from "../../src/cli/secrets.ts"
import { makeRedaction } from "../../src/model/redaction.ts"

const env = { GATEWAY: " gw-secret-0123 ", EMPTY: " " }

const fields = (flag: "--header" | "--query", ...given: ReadonlyArray<string>) =>
  Effect.runSync(Effect.either(fieldsOf(flag, given, env)))

const body = (text: string) => Effect.runSync(Effect.either(extraBodyOf(text, env)))

const plain = (values: Readonly<Record<string, Redacted.Redacted>>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Redacted.value(value)]))

describe("fields of every call", () => {
  test("are read as NAME=VALUE, with what the environment holds in its place", () => {
    const { value, secrets } = Either.getOrThrow(
      fields("--header", "Authorization=Bearer {env:GATEWAY}", "x-title = a=b ", "x-empty="),
    )
    expect(plain(value)).toEqual({
      Authorization: "Bearer gw-secret-0123",
      "x-title": "a=b",
      "x-empty": "",
    })
    expect(secrets).toEqual(["gw-secret-0123"])
    expect(plain(Either.getOrThrow(fields("--query", "api-version=1", "api-version=2")).value)).toEqual({
      "api-version": "2",
    })
  })

  test.each<["--header" | "--query", string, string]>([
    ["--header", "x-title", "must be NAME=VALUE"],
    ["--header", "=value", "must be NAME=VALUE"],
    ["--header", "x title=value", "must be NAME=VALUE"],
    ["--header", "x-title=säure-Zq7Xv", "has a character that cannot be sent"],
    ["--header", "x-title=Zq7Xv\r\nx-other: 1", "has a character that cannot be sent"],
    ["--header", "x-key={env:MISSING}", "the environment variable MISSING, which is not set"],
    ["--query", "key=Zq7Xv{env:EMPTY}", "the environment variable EMPTY, which is not set"],
  ])("are refused with the way out, and without their value: %s %s", (flag, field, problem) => {
    const refused = Either.flip(fields(flag, field))
    const { message } = Either.getOrThrow(refused)
    expect(message).toContain(problem)
    expect(message).not.toMatch(/zq7xv/iu)
  })
})

describe("an extra body", () => {
  test("is an object, with what the environment holds in the place of its texts", () => {
    const { value, secrets } = Either.getOrThrow(
      body('{"seed": 7, "user": "{env:GATEWAY}", "provider": {"order": ["a", "{env:GATEWAY}"], "x": null}}'),
    )
    expect(value).toEqual({
      seed: 7,
      user: "gw-secret-0123",
      provider: { order: ["a", "gw-secret-0123"], x: null },
    })
    expect(secrets).toEqual(["gw-secret-0123", "gw-secret-0123"])
  })

  test.each([
    ["{", "must be a JSON object"],
    ["[1]", "must be a JSON object"],
    ["null", "must be a JSON object"],
    ['{"messages": []}', "must not have the field messages"],
    ['{"stream": true}', "must not have the field stream"],
    ['{"user": "{env:MISSING}"}', "the environment variable MISSING"],
  ])("%s is refused", (text, problem) => {
    expect(Either.getOrThrow(Either.flip(body(text))).message).toContain(problem)
  })
})

test("messages about wrong usage repeat no value of a header, a query or the environment", () => {
  const secrets = givenSecrets(
    [
      "pipeline",
      "--header",
      "x-key=aa-Zq7Xv-1",
      "--query=sig=bb-Zq7Xv-2",
      "--extra-body",
      '{"a": "{env:OTHER}"}',
    ],
    { OTHER: "cc-Zq7Xv-3" },
  )
  const said = "aa-Zq7Xv-1 bb-Zq7Xv-2 cc-Zq7Xv-3"
  expect(makeRedaction(secrets).message(said)).toBe("[redacted] [redacted] [redacted]")
})
