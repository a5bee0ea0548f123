import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { batchBillFor } from "../../bench/cost/batch.ts"
import type { Conversation } from "../../bench/cost/conversation.ts"
import { makeFilm } from "../../bench/cost/film.ts"
import { before, billFor, flex } from "../../bench/cost/measure.ts"
import { makeMeter } from "../../bench/cost/meter.ts"
import { dollars, vendorModels } from "../../bench/cost/rules.ts"
import { costTable } from "../../bench/cost/table.ts"
import { familyOf } from "../../src/model/families.ts"
import { pictureTokensOf } from "../../src/model/tokens.ts"
import { temporaryFolder } from "../support/folders.ts"

setDefaultTimeout(240_000)

const modelOf = (name: string) => {
  const found = vendorModels.find((model) => model.name === name)
  if (found === undefined) throw new Error(`no ${name}`)
  return found
}

const said = (changes: Partial<Conversation> = {}): Conversation => ({
  model: "m",
  schema: "s".repeat(400),
  system: "y".repeat(4000),
  parts: [{ content: "p".repeat(8000), isMarked: false }],
  turns: [],
  tier: undefined,
  keepsMarkedOnly: false,
  ...changes,
})

const reAsk = said({ turns: ["a".repeat(400), "b".repeat(40)] })
const prompt = 100 + 1000 + 2000
const turns = 100 + 10

describe("What a vendor counts", () => {
  test.each(vendorModels.map(({ name }) => [name] as const))(
    "of pictures of %s is what the program goes by",
    (name) => {
      const { countPicture, protocol } = modelOf(name)
      const family = familyOf(name)
      for (const [width, height] of [
        [1920, 1080],
        [1080, 1920],
        [1440, 1080],
        [1024, 576],
        [640, 360],
        [512, 288],
        [3840, 2160],
      ] as const)
        for (const detail of protocol === "anthropic" ? [undefined] : [undefined, "low"])
          expect([width, height, detail, pictureTokensOf(family, { detail })({ width, height })]).toEqual([
            width,
            height,
            detail,
            countPicture({ width, height }, detail),
          ])
    },
  )

  test("is read again by OpenAI in steps of 128, as far as requests begin alike, the schema included", () => {
    const meter = makeMeter(modelOf("gpt-5"))
    expect(meter(said(), "x".repeat(8))).toEqual({ fresh: prompt, read: 0, written: 0, output: 2 })
    expect(meter(reAsk, "")).toEqual({ fresh: prompt + turns - 3072, read: 3072, written: 0, output: 0 })
    expect(meter({ ...reAsk, schema: "" }, "").read).toBe(0)
    // Alike up to the system message: fewer tokens than are cached.
    expect(meter(said({ parts: [] }), "").read).toBe(1024)
    expect(meter(said({ system: "" }), "").read).toBe(0)
  })

  test("is written at a price by later models, unless they are told not to", () => {
    const meter = makeMeter(modelOf("gpt-6.1-sol"))
    expect(meter(said(), "")).toMatchObject({ fresh: 0, written: prompt })
    expect(meter(reAsk, "")).toMatchObject({ fresh: 0, read: prompt, written: turns })
    const plain = makeMeter(modelOf("gpt-6.1-sol"))
    expect(plain(said({ keepsMarkedOnly: true }), "")).toMatchObject({ fresh: prompt, written: 0 })
    expect(plain({ ...reAsk, keepsMarkedOnly: true }, "")).toMatchObject({ read: 0, written: 0 })
  })

  test("is kept by Anthropic where it is marked, and only then", () => {
    const meter = makeMeter(modelOf("claude-sonnet-5-5"))
    const marked = [{ content: "p".repeat(8000), isMarked: true }]
    const unmarked = { keepsMarkedOnly: true }
    expect(meter(said(unmarked), "")).toMatchObject({ fresh: prompt, read: 0, written: 0 })
    expect(meter(said({ ...unmarked, parts: marked }), "")).toMatchObject({ fresh: 0, written: prompt })
    expect(meter({ ...reAsk, ...unmarked, parts: marked }, "")).toMatchObject({ fresh: turns, read: prompt })
    const short = [{ content: "p", isMarked: true }]
    expect(meter(said({ ...unmarked, system: "", parts: short }), "")).toMatchObject({ written: 0 })
  })

  test("costs half with flex and in a batch", () => {
    const metered = { fresh: 1e6, read: 1e6, written: 1e6, output: 1e6 }
    expect(dollars("gpt-6.1-sol", metered, false)).toBeCloseTo(2 + 0.1 + 2.5 + 10, 9)
    expect(dollars("gpt-6.1-sol", metered, true)).toBeCloseTo(7.3, 9)
  })
})

/** Two tiles wide: a picture that is sent smaller. */
const film = { width: 1280, height: 720, secondsPerFrame: 4, frames: 120 }

describe("The bill of a video", () => {
  test("is what the run counts, less than it was, and half of it with flex", async () => {
    await using place = await temporaryFolder()
    const video = await makeFilm(film, place.path)
    const model = modelOf("gpt-4.1")
    const small = { maxFrames: 12 }
    const was = await billFor(video, model, { ...before, run: { ...before.run, ...small } }, 2)
    const half = await billFor(video, model, { ...flex, run: small }, 2)
    for (const { calls, dollars: billed } of [was, half]) {
      expect(calls).toHaveLength(12)
      expect(calls.filter(({ isReAsk }) => isReAsk)).toHaveLength(2)
      expect(billed).toBeGreaterThan(0)
    }
    expect(was.counted).toBeCloseTo(was.dollars, 9)
    const whole = half.calls.reduce((sum, call) => sum + dollars(model.name, call, false), 0)
    expect(half.dollars).toBeCloseTo(whole / 2, 9)
    expect(whole).toBeLessThan(was.dollars)
  })

  test.each(["gpt-4.1", "claude-haiku-4-5"])("is half of it in batches of %s", async (name) => {
    await using place = await temporaryFolder()
    const video = await makeFilm(film, place.path)
    const flags = ["--max-frames", "12"]
    const { calls, dollars: billed } = await batchBillFor(video, modelOf(name), 2, flags)
    expect(calls).toHaveLength(12)
    const whole = calls.reduce((sum, call) => sum + dollars(name, call, false), 0)
    expect(billed).toBeCloseTo(whole / 2, 9)
  })
})

test("The table has a row for each model", () => {
  const figures = {
    protocol: "chat",
    usd_per_hour_before: 1,
    usd_per_hour: 0.661,
    percent: 66.1,
    usd_per_hour_512: 0.2,
    percent_512: 20,
    half_by: "flex",
    usd_per_hour_half: 0.33,
    percent_half: 33,
  }
  const batched = { ...figures, half_by: "batch" }
  const table = costTable({ other: { seconds: 1 }, "cost: a": figures, "cost: b": batched })
  expect(table?.split("\n").slice(2)).toEqual([
    "| `chat` | `a` | $1.00 | $0.66 (66 %) | $0.20 (20 %) | $0.33 (33 %, flex) |",
    "| `chat` | `b` | $1.00 | $0.66 (66 %) | $0.20 (20 %) | $0.33 (33 %, batch) |",
  ])
  expect(costTable({ other: { seconds: 1 } })).toBeUndefined()
})
