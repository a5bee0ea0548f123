import { describe, expect, test } from "bun:test"
import { limitHints, retryAfterMs } from "../../../src/model/protocols/limit-hints.ts"

const hints = (headers: Record<string, string>) => limitHints(new Headers(headers), 0, (text) => text)

describe("limits a minute", () => {
  test.each<[string, string, object]>([
    ["requests", "1", { rpm: 1 }],
    ["requests", "10000000", { rpm: 1e7 }],
    ["requests", "0", { doubtful: ["x-ratelimit-limit-requests: 0"] }],
    ["requests", "10000001", { doubtful: ["x-ratelimit-limit-requests: 10000001"] }],
    ["requests", "NaN", { doubtful: ["x-ratelimit-limit-requests: NaN"] }],
    ["requests", "-infinity", { doubtful: ["x-ratelimit-limit-requests: -infinity"] }],
    ["requests", "100, 100;w=60", {}],
    ["requests", "  ", {}],
    ["tokens", "1000", { tpm: 1000, tpmHeader: "x-ratelimit-limit-tokens" }],
    ["tokens", "999", { doubtful: ["x-ratelimit-limit-tokens: 999"] }],
    ["tokens", "1000000000000", { tpm: 1e12, tpmHeader: "x-ratelimit-limit-tokens" }],
    ["tokens", "1000000000001", { doubtful: ["x-ratelimit-limit-tokens: 1000000000001"] }],
  ])("of %s: %s", (what, value, expected) => {
    expect(hints({ [`x-ratelimit-limit-${what}`]: value })).toEqual(expected)
  })
})

describe("a service that has nothing left", () => {
  test.each<[string, number | undefined]>([
    ["250ms", 250],
    ["1s", 1000],
    ["2", 2000],
    ["1.5s", 1500],
    ["0m7s", 7000],
    ["1m0s", 60_000],
    ["1h", 60_000],
    ["1d2h", 60_000],
    ["1764280802", 2000],
    ["1764280802.5", 2500],
    ["1764280802000", 2000],
    ["1764280000", 0],
    ["1w", undefined],
    ["soon", undefined],
    ["-1s", undefined],
  ])("is left alone for %s, a minute at most", (reset, expected) => {
    const headers = { "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": reset }
    const now = 1_764_280_800_000
    expect(limitHints(new Headers(headers), now, (text) => text)).toEqual(
      expected === undefined ? {} : { exhaustedForMs: expected },
    )
  })

  test("is known by a remainder of nothing, with a time", () => {
    expect(hints({ "x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": "1s" })).toEqual({})
    expect(hints({ "x-ratelimit-remaining-requests": "0" })).toEqual({})
    expect(hints({ "x-ratelimit-reset-requests": "1s" })).toEqual({})
  })
})

describe("Retry-After", () => {
  const now = Date.parse("2026-01-01T00:00:00Z")
  const cases: ReadonlyArray<readonly [Record<string, string>, number | undefined]> = [
    [{ "retry-after": "3" }, 3000],
    [{ "retry-after": " 0.5 " }, 500],
    [{ "retry-after-ms": "40", "retry-after": "3" }, 40],
    [{ "retry-after-ms": "soon", "retry-after": "3" }, 3000],
    [{ "retry-after": "86400" }, 86_400_000],
    [{ "retry-after": "86401" }, undefined],
    [{ "retry-after": "-3" }, undefined],
    [{ "retry-after": "1e3" }, undefined],
    [{ "retry-after": "Thu, 01 Jan 2026 00:01:00 GMT" }, 60_000],
    [{ "retry-after": "Wed, 31 Dec 2025 00:01:00 GMT" }, 0],
    [{ "retry-after": "Sat, 03 Jan 2026 00:01:00 GMT" }, undefined],
    [{ "retry-after": "2s" }, 2000],
    [{ "retry-after": "1m0.5s" }, 60_500],
    [{ "retry-after": "2d" }, undefined],
    [{ "retry-after": "1764280802" }, undefined],
    [{ "retry-after": "1, 60" }, undefined],
    [{ "retry-after": "Infinity" }, undefined],
    [{ "retry-after": "later" }, undefined],
    [{ "retry-after": "" }, undefined],
    [{}, undefined],
  ]
  test.each(cases.map(([headers, wait]) => [JSON.stringify(headers), headers, wait] as const))(
    "%s",
    (_name, headers, expected) => {
      expect(retryAfterMs(new Headers(headers), now)).toBe(expected)
    },
  )

  test("that makes no sense is named, by its own value, cut short", () => {
    expect(hints({ "retry-after": "-3" })).toEqual({ doubtful: ["retry-after: -3"] })
    expect(hints({ "retry-after-ms": "999999999" })).toEqual({ doubtful: ["retry-after: 999999999"] })
    expect(hints({ "retry-after": "x".repeat(100) }).doubtful).toEqual([`retry-after: ${"x".repeat(40)}`])
    expect(hints({ "retry-after": "3" })).toEqual({})
    expect(retryAfterMs(undefined, 0)).toBeUndefined()
  })
})
