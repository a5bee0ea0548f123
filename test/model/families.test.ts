import { describe, expect, test } from "bun:test"
import { join } from "node:path"
import { familyOf, listedFamilies, readFamilies } from "../../src/model/families.ts"
import { pictureTokensOf } from "../../src/model/tokens.ts"

/** Every field of a family that is a count, with a value for it. */
const withCount: ReadonlyArray<readonly [string, (count: number) => object]> = [
  ["answer_tokens", (count) => ({ answer_tokens: count })],
  ["work_side_px", (count) => ({ work_side_px: count })],
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
      ...["gpt-5-chat", "gpt-5-mini", "gpt-5-nano", "gpt-5", "gpt-5.1", "gpt-5.2", "o4-mini", "o3"],
      ...["gpt-4.1-mini", "gpt-4.1-nano", "gpt-4o-mini", "gpt-4.1", "claude-opus-4-7", "claude-3-opus"],
      ...["claude-sonnet-4-5", "gemini-3-pro", "gemini-2.5-pro", "qwen2.5-vl", "qwen3-vl"],
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

const pictureTokens = (
  model: string,
  picture: { readonly width: number; readonly height: number },
  detail?: string,
) => pictureTokensOf(familyOf(model), detail)(picture)

test("pictures of low detail count by their base where others count by tiles", () => {
  const picture = { width: 1920, height: 1080 }
  expect(pictureTokens("gpt-4.1", picture, "low")).toBe(85)
  expect(pictureTokens("gpt-5", picture, "high")).toBe(910)
  expect(pictureTokens("qwen3-vl", picture, "low")).toBe(pictureTokens("qwen3-vl", picture))
})

test("pictures of Claude count by their area after they are made to fit", () => {
  expect(pictureTokens("claude-sonnet-4-5", { width: 1280, height: 720 })).toBe(1229)
  expect(pictureTokens("claude-sonnet-4-5", { width: 1920, height: 1080 })).toBe(
    Math.ceil((1568 * 882) / 750),
  )
})

test("the table in the guide says what pictures are counted as", async () => {
  const guide = await Bun.file(join(import.meta.dir, "../../docs/guides/models.md")).text()
  const rows = [
    ...guide.matchAll(/^\| ((?:`[^`]+`(?:, )?)+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+|–) \|$/gmu),
  ]
  expect(rows.length).toBe(6)
  const number = (text = ""): number => Number(text.replaceAll(",", ""))
  for (const [, names = "", ...cells] of rows)
    for (const [, model = ""] of names.matchAll(/`([^`]+)`/gu)) {
      const counted = [1920, 768, 512].map((width) =>
        pictureTokens(model, { width, height: (width * 9) / 16 }),
      )
      const low = pictureTokens(model, { width: 1920, height: 1080 }, "low")
      const told = [...counted, ...(cells[3] === "–" ? [] : [low])]
      expect([model, ...cells.filter((cell) => cell !== "–").map(number)]).toEqual([model, ...told])
    }
})
