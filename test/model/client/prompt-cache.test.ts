import { describe, expect, test } from "bun:test"
import { breakEvenShare, makePromptCache } from "../../../src/model/client/prompt-cache.ts"
import type { CacheKind } from "../../../src/model/families.ts"
import { priceOf } from "../../../src/model/money.ts"
import type { ModelRequest } from "../../../src/model/VisionModel.ts"
import { strictRequest } from "../../support/model-call.ts"

const first = (videoId: string): ModelRequest => ({ ...strictRequest, videoId })
const reAsk = (videoId: string): ModelRequest => ({
  ...first(videoId),
  attempt: 2,
  turns: [{ role: "user", text: "again" }],
})

const cacheOf = (
  cache: CacheKind | undefined,
  controlsCache: CacheKind | undefined,
  model = "claude-sonnet-4-5",
) =>
  makePromptCache(
    cache === undefined ? {} : { cache },
    controlsCache === undefined ? {} : { controlsCache },
    priceOf(model, {}),
  )

describe("keeping a prompt", () => {
  // (write - in) / (in - read), from the price file.
  test.each([
    ["claude-sonnet-4-5", (3.75 - 3) / (3 - 0.3)],
    ["claude-opus-5-5", (5 - 4) / (4 - 0.2)],
    ["claude-fable-5-1", (12.5 - 10) / (10 - 0.25)],
    ["gpt-6.1-sol", (2.5 - 2) / (2 - 0.1)],
  ])("pays with %s where more requests than a share of %d are asked again", (model, share) => {
    expect(breakEvenShare(priceOf(model, {}))).toBeCloseTo(share, 10)
  })

  test("never pays where reading costs as much, and by the usual prices where none is known", () => {
    expect(breakEvenShare({ in: 2, cached: 2, out: 8 })).toBe(Number.POSITIVE_INFINITY)
    expect(breakEvenShare(undefined)).toBeCloseTo(0.25 / 0.9, 10)
    expect(breakEvenShare({ in: 2, cached: 0.2, out: 8 })).toBeCloseTo(0.25 / 0.9, 10)
  })

  test("does not pay with one re-ask in five", () => {
    const marked = cacheOf("marked", "marked")
    const priced = cacheOf("priced", "priced", "gpt-6.1-sol")
    for (let i = 0; i < 100; i++) {
      const requests = [first(`v${i}`), ...(i % 5 === 0 ? [reAsk(`v${i}`)] : [])]
      for (const request of requests) {
        expect(marked.useFor(request)).toBeUndefined()
        expect(marked.isKept(request)).toBe(false)
        expect(priced.useFor(request)).toBe("nothing")
      }
    }
  })

  test("pays with two in three, once that is seen, in the stage where it is seen", () => {
    const cache = cacheOf("marked", "marked")
    const uses = Array.from({ length: 60 }, (_, i) => {
      const use = cache.useFor(first(`v${i}`))
      const again = cache.useFor(reAsk(`v${i}`))
      return [use, again]
    })
    expect(uses[0]).toEqual([undefined, undefined])
    expect(uses.at(-1)).toEqual(["prompt", "prompt"])
    expect(cache.isKept(first("v59"))).toBe(true)
    const elsewhere = { ...first("w"), task: { ...strictRequest.task, stage: "refine" } }
    expect(cache.useFor(elsewhere)).toBeUndefined()
  })

  test("is gone on with in the re-asks of a prompt that was kept, also where it would not pay any more", () => {
    const cache = cacheOf("marked", "marked")
    for (let i = 0; i < 60; i++) {
      cache.useFor(first(`v${i}`))
      cache.useFor(reAsk(`v${i}`))
    }
    expect(cache.useFor(first("kept"))).toBe("prompt")
    for (let i = 0; i < 200; i++) cache.useFor(first(`other ${i}`))
    expect(cache.useFor(first("last"))).toBeUndefined()
    expect(cache.useFor(reAsk("kept"))).toBe("prompt")
    expect(cache.useFor(reAsk("last"))).toBeUndefined()
  })

  test.each<[CacheKind | undefined, CacheKind | undefined]>([
    [undefined, "marked"],
    ["automatic", "priced"],
    ["automatic", "marked"],
    // Claude over OpenAI's protocol, and the other way round.
    ["marked", "priced"],
    ["priced", "marked"],
    ["priced", undefined],
  ])("is no matter of a family's cache %p and a protocol's %p", (family, protocol) => {
    const cache = cacheOf(family, protocol)
    for (let i = 0; i < 60; i++)
      expect([cache.useFor(first(`v${i}`)), cache.useFor(reAsk(`v${i}`))]).toEqual([undefined, undefined])
    expect(cache.isKept(first("v1"))).toBe(false)
  })
})
