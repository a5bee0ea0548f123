import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Either } from "effect"
import { limitHints, retryAfterMs } from "../../../src/model/protocols/limit-hints.ts"
import { completion, startChatServer } from "../../support/chat-server.ts"
import { callModel } from "../../support/model-call.ts"

setDefaultTimeout(60_000)

const plainly = (text: string): string => text
const now = Date.parse("2026-01-01T00:00:00Z")

describe("waits that make no sense are not gone by", () => {
  test.each([
    "1e9",
    "-1",
    "-0.5",
    "NaN",
    "Infinity",
    "-Infinity",
    "99999999999",
    "86401",
    "soon",
    "1 2",
    "0x10",
    "7w",
    "Fri, 01 Jan 2099 00:00:00 GMT",
  ])("Retry-After: %s", (value) => {
    const headers = new Headers({ "retry-after": value })
    expect(retryAfterMs(headers, now)).toBeUndefined()
    expect(limitHints(headers, now, plainly)).toEqual({ doubtful: [`retry-after: ${value}`] })
  })

  test.each<[string, number]>([
    ["0", 0],
    ["86400", 86_400_000],
    ["7s", 7000],
    ["Thu, 01 Jan 2026 00:02:00 GMT", 120_000],
    ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
  ])("Retry-After: %s is", (value, expected) => {
    const headers = new Headers({ "retry-after": value })
    expect(retryAfterMs(headers, now)).toBe(expected)
    expect(limitHints(headers, now, plainly)).toEqual({})
  })
})

describe("limits that make no sense are not gone by", () => {
  test.each<[string, string]>([
    ["requests", "0.001"],
    ["requests", "0"],
    ["requests", "-5"],
    ["requests", "NaN"],
    ["requests", "1e300"],
    ["requests", "Infinity"],
    ["tokens", "1"],
    ["tokens", "0"],
    ["tokens", "-1"],
    ["tokens", "NaN"],
    ["tokens", "999"],
  ])("x-ratelimit-limit-%s: %s", (name, value) => {
    const headers = new Headers({ [`x-ratelimit-limit-${name}`]: value })
    expect(limitHints(headers, now, plainly)).toEqual({ doubtful: [`x-ratelimit-limit-${name}: ${value}`] })
  })

  test.each<[string, string, object]>([
    ["limit-requests", "3", { rpm: 3 }],
    ["limit-requests", "100, 100;w=60", {}],
    ["limit-requests", "", {}],
    ["limit-tokens", "30000", { tpm: 30_000, tpmHeader: "x-ratelimit-limit-tokens" }],
  ])("x-ratelimit-%s: %s is as it was", (name, value, expected) => {
    expect(limitHints(new Headers({ [`x-ratelimit-${name}`]: value }), now, plainly)).toEqual(expected)
  })

  test.each(["-5s", "NaN", "1e9", "soon", "", "5 minutes"])("a reset in %s", (reset) => {
    const headers = { "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": reset }
    expect(limitHints(new Headers(headers), now, plainly).exhaustedForMs).toBeUndefined()
  })
})

const absurd: ReadonlyArray<Record<string, string>> = [
  { "x-ratelimit-limit-requests": "0.001" },
  { "x-ratelimit-limit-tokens": "1" },
  // Less than the answer itself has just taken.
  { "x-ratelimit-limit-tokens": "1100" },
  { "retry-after": "1e9" },
  { "retry-after": "Fri, 01 Jan 2999 00:00:00 GMT" },
]

test.each(absurd)("a service that says %j is asked all the same, and that is said once", async (headers) => {
  await using server = startChatServer({
    behave: ({ number }) => {
      if (number === 1 && headers["retry-after"] !== undefined)
        return Response.json({ error: { message: "slow" } }, { status: 429, headers })
      const answer = completion("{}")
      for (const [name, value] of Object.entries(headers)) answer.headers.set(name, value)
      return answer
    },
  })
  const { result, warnings } = await callModel(server.url, { callRetries: 1 })
  expect(Either.isRight(result)).toBe(true)
  const [[name = "", value = ""] = []] = Object.entries(headers)
  expect(warnings.filter((line) => line.includes(`${name}: ${value}`))).toHaveLength(1)
})
