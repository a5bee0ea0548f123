import { describe, expect, test } from "bun:test"
import { join } from "node:path"
import { sentSize, sideLimitOf } from "../../src/model/client/sent-pictures.ts"
import { familyOf, listedFamilies, readFamilies } from "../../src/model/families.ts"
import { detailFor, pictureTokensOf } from "../../src/model/tokens.ts"

/** Every field of a family that is a count, with a value for it. */
const withCount: ReadonlyArray<readonly [string, (count: number) => object]> = [
  ["answer_tokens", (count) => ({ answer_tokens: count })],
  ["work_side_px", (count) => ({ work_side_px: count })],
  ["send_side_px", (count) => ({ send_side_px: count })],
  ["detail_of_small.side_px", (count) => ({ detail_of_small: { side_px: count, detail: "low" } })],
  ["max_images", (count) => ({ max_images: count })],
  ["max_side_px", (count) => ({ max_side_px: count })],
  ["max_body_bytes", (count) => ({ max_body_bytes: count })],
  [
    "max_side_px_of_many.above_images",
    (count) => ({ max_side_px_of_many: { above_images: count, px: 1000 } }),
  ],
  ["max_side_px_of_many.px", (count) => ({ max_side_px_of_many: { above_images: 20, px: count } })],
  ["tokens.side", (count) => ({ tokens: { rule: "patches", side: count, most: 1000, factor: 1 } })],
  ["tokens.most", (count) => ({ tokens: { rule: "patches", side: 32, most: count, factor: 1 } })],
  [
    "tokens.longest_side_px",
    (count) => ({ tokens: { rule: "patches", side: 32, most: 1000, factor: 1, longest_side_px: count } }),
  ],
  ["tokens.side", (count) => ({ tokens: { rule: "padded", side: count, most: 9, longest_side_px: 9 } })],
  ["tokens.most", (count) => ({ tokens: { rule: "padded", side: 28, most: count, longest_side_px: 9 } })],
  [
    "tokens.longest_side_px",
    (count) => ({ tokens: { rule: "padded", side: 28, most: 9, longest_side_px: count } }),
  ],
  ["tokens.by_detail.low", (count) => ({ tokens: { rule: "fixed", tokens: 9, by_detail: { low: count } } })],
  ["tokens.by_detail.low", (count) => ({ tokens: { rule: "crops", crop: 9, by_detail: { low: count } } })],
  ["tokens.side", (count) => ({ tokens: { rule: "rounded", side: count } })],
  ["tokens.crop", (count) => ({ tokens: { rule: "crops", crop: count } })],
  ["tokens.tokens", (count) => ({ tokens: { rule: "fixed", tokens: count } })],
  ["tokens.pixels_per_token", (count) => ({ tokens: { rule: "area", pixels_per_token: count } })],
  [
    "tokens.longest_side_px",
    (count) => ({ tokens: { rule: "area", pixels_per_token: 750, longest_side_px: count } }),
  ],
]

describe("the table of families", () => {
  test.each(withCount)("takes whole numbers from 1 on as %s", (field, family) => {
    const read = (count: number) => readFamilies({ families: [{ pattern: "x", ...family(count) }] })
    expect(read(1)).toBeArrayOfSize(listedFamilies.length + 1)
    for (const none of [0, -1, 1.5]) expect(read(none)).toStartWith(`families.0.${field}: `)
  })

  test.each([
    ["gpt-5", false, "max_completion_tokens"],
    ["gpt-5-mini-2025-08-07", false, "max_completion_tokens"],
    ["gpt-5.1", false, "max_completion_tokens"],
    ["gpt-5.4", false, "max_completion_tokens"],
    ["openai/gpt-5.2", false, "max_completion_tokens"],
    ["gpt-5-chat-latest", undefined, "max_completion_tokens"],
    ["o3", false, "max_completion_tokens"],
    ["o4-mini", false, "max_completion_tokens"],
    ["gpt-4.1", undefined, undefined],
    ["gpt-4o-mini", undefined, undefined],
    ["claude-opus-4-8", false, undefined],
    ["anthropic/claude-opus-4.7", false, undefined],
    ["claude-opus-4-20250514", undefined, undefined],
    ["claude-sonnet-4-5", undefined, undefined],
    ["gemini-2.5-flash", undefined, undefined],
    ["qwen3-vl-235b", undefined, undefined],
    ["foo3-large", undefined, undefined],
    ["a model that nobody knows", undefined, undefined],
  ] as const)("%s: temperature %p, limit %p", (model, temperature, limit) => {
    const { temperature: mayHave, token_limit } = familyOf(model)
    expect([mayHave, token_limit]).toEqual([temperature, limit])
  })

  test("has no entry that an earlier one hides", () => {
    const names = [
      ...["gpt-5-chat", "gpt-5.2-chat-latest", "gpt-5-mini", "gpt-5-nano", "gpt-5", "gpt-5.1", "gpt-5.2"],
      ...["gpt-5.4-mini", "gpt-5.4-nano", "gpt-5.4", "gpt-5.5", "gpt-6.1-sol", "o4-mini", "o3"],
      ...["gpt-4.1-mini", "gpt-4.1-nano", "gpt-4o-mini", "gpt-4.1", "claude-opus-4-7", "claude-sonnet-5-5"],
      ...["claude-3-opus", "claude-sonnet-4-5", "gemini-3-pro", "gemini-2.5-pro", "qwen2.5-vl", "qwen3-vl"],
      "qwen-vl-max",
    ]
    expect(new Set(names.map((name) => familyOf(name))).size).toBe(listedFamilies.length)
  })

  test("of a user goes before the one that comes with the program", () => {
    const read = readFamilies({
      families: [{ pattern: "^our-", temperature: false, tokens: { rule: "fixed", tokens: 7 } }],
    })
    if (typeof read === "string") throw new Error(read)
    expect(familyOf("our-vlm", read).temperature).toBe(false)
    expect(familyOf("gpt-5", read)).toEqual(familyOf("gpt-5"))
    expect(pictureTokensOf(familyOf("our-vlm", read))({ width: 1280, height: 720 })).toBe(7)
  })

  test.each([
    [{}, "families"],
    [{ families: [{ pattern: "(" }] }, "families.0.pattern: is no regular expression"],
    [{ families: [{ pattern: "x", temprature: false }] }, "families.0.temprature"],
    [{ families: [{ pattern: "x", tokens: { rule: "guess" } }] }, "families.0.tokens.rule"],
    [7, "the table"],
  ])("that is none is told of by its place: %j", (json, place) => {
    expect(readFamilies(json)).toStartWith(place)
  })
})

interface Size {
  readonly width: number
  readonly height: number
}

/** As Gemini's own protocol counts, which can ask for a detail of small pictures. */
const pictureTokens = (model: string, picture: Size, detail?: string) => {
  const family = familyOf(model)
  return pictureTokensOf(family, { detail, detailOfSmall: family.detail_of_small })(picture)
}

const fullHd = { width: 1920, height: 1080 }

test.each([
  ["gpt-4.1", "low", 85],
  ["gpt-5", "high", 910],
  // A picture that fits into 512 by 512.
  ["gpt-5.5", "low", 173],
  ["gemini-2.5-flash", "low", 64],
  ["gemini-2.5-flash", "medium", 256],
  ["gemini-2.5-flash", "high", 1548],
  ["gemini-3.8-flash", "low", 280],
  ["gemini-3.8-flash", "medium", 560],
  ["gemini-3.8-flash", "high", 1120],
  ["qwen3-vl", "low", 2040],
])("%s counts pictures of detail %s as %d", (model, detail, tokens) => {
  expect(pictureTokens(model, fullHd, detail)).toBe(tokens)
})

test("a detail is asked for by itself where no picture is too large to lose anything", () => {
  const detailOfSmall = { side_px: 512, detail: "low" }
  const [fits, wide, high] = [
    { width: 512, height: 288 },
    { width: 513, height: 288 },
    { width: 288, height: 513 },
  ]
  expect(detailFor({ detailOfSmall }, [fits, fits])).toBe("low")
  expect(detailFor({ detailOfSmall }, [fits, wide])).toBeUndefined()
  expect(detailFor({ detailOfSmall }, [high])).toBeUndefined()
  expect(detailFor({ detail: "high", detailOfSmall }, [fits])).toBe("high")
  expect(detailFor({}, [fits])).toBeUndefined()
})

test("the table in the guide says what pictures are counted as", async () => {
  const guide = await Bun.file(join(import.meta.dir, "../../docs/guides/models.md")).text()
  const cell = String.raw` ([\d,]+|–) \|`
  const row = new RegExp(`^\\| ((?:\`[^\`]+\`(?:, )?)+) \\|${cell.repeat(5)}$`, "gmu")
  const rows = [...guide.matchAll(row)]
  expect(rows.length).toBe(9)
  const number = (text = ""): number => Number(text.replaceAll(",", ""))
  for (const [, names = "", ...cells] of rows)
    for (const [, model = ""] of names.matchAll(/`([^`]+)`/gu)) {
      const sent = (sendMaxSidePx?: number) =>
        sentSize(
          fullHd,
          sideLimitOf(50, sendMaxSidePx === undefined ? {} : { sendMaxSidePx }, familyOf(model)),
        )
      const sizes = [fullHd, sent(), sent(768), sent(512)]
      const counted = sizes.map((size) => pictureTokens(model, size))
      const told = [...counted, ...(cells[4] === "–" ? [] : [pictureTokens(model, fullHd, "low")])]
      expect([model, ...cells.filter((text) => text !== "–").map(number)]).toEqual([model, ...told])
    }
})
