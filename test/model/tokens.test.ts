import { describe, expect, test } from "bun:test"
import { familyOf } from "../../src/model/families.ts"
import { pictureTokensOf, textTokens } from "../../src/model/tokens.ts"

describe("tokens of a picture", () => {
  // From the vendors' descriptions and their own examples.
  test.each([
    ["gpt-4o", 1280, 720, 1105],
    ["gpt-4o", 1024, 1024, 765],
    // One pixel more begins a tile.
    ["gpt-4o", 1024, 768, 765],
    ["gpt-4o", 1025, 768, 1105],
    ["gpt-4o", 768, 1025, 1105],
    ["gpt-4o", 2048, 4096, 1105],
    ["gpt-4.1", 4096, 2048, 1105],
    // Small pictures are not made larger.
    ["gpt-4o", 512, 512, 255],
    ["gpt-4o", 513, 512, 425],
    ["gpt-4o", 1024, 576, 765],
    ["gpt-4o", 100, 1000, 425],
    ["gpt-4o", 1000, 100, 425],
    ["gpt-4o", 8192, 1024, 765],
    ["gpt-4o", 768, 768, 765],
    ["gpt-4o-mini", 1024, 1024, 25_501],
    ["gpt-5", 1280, 720, 910],
    ["gpt-4.1-mini", 1280, 720, 1491],
    ["gpt-4.1-mini", 1920, 1080, 2443],
    // The example of the page: 1452 patches.
    ["gpt-4.1-mini", 1800, 2400, 2353],
    ["gpt-4.1-mini", 2400, 1800, 2353],
    ["gpt-4.1-mini", 33, 32, 4],
    ["gpt-5-mini", 32, 33, 4],
    ["gpt-4.1-nano", 1280, 720, 2264],
    ["gpt-5-nano", 1280, 720, 2264],
    ["o4-mini", 1280, 720, 1583],
    ["o4-mini", 1920, 1080, 2594],
    ["gpt-5.2", 1280, 720, 1104],
    ["gpt-5.4", 1920, 1080, 2448],
    // No side above 2048 pixels.
    ["gpt-5.4", 3840, 2160, 2765],
    ["gpt-5.5", 1920, 1080, 2448],
    ["gpt-6.1-sol", 3840, 2160, 9792],
    ["claude-sonnet-5-5", 1920, 1080, 2691],
    ["claude-sonnet-5-5", 1024, 1024, 1369],
    ["claude-haiku-4-5", 1280, 720, 1196],
    ["claude-haiku-4-5", 1024, 1024, 1369],
    // The largest size of its shape that has room: 1456 by 819.
    ["claude-haiku-4-5", 1920, 1080, 1560],
    ["claude-haiku-4-5", 1080, 1920, 1560],
    ["claude-opus-5-5", 8000, 800, 920],
    ["gemini-2.5-flash", 1280, 720, 1548],
    ["gemini-2.5-flash", 384, 384, 258],
    ["gemini-2.5-flash", 385, 384, 1032],
    ["gemini-2.5-flash", 384, 385, 1032],
    ["gemini-2.5-flash", 799, 599, 1548],
    ["gemini-2.5-flash", 599, 799, 1548],
    ["gemini-2.5-flash", 400, 300, 1032],
    ["gemini-2.5-flash", 3000, 2000, 3096],
    ["gemini-3-pro", 1280, 720, 1120],
    ["Qwen2.5-VL-72B", 1280, 720, 1196],
    ["qwen3-vl", 1280, 720, 880],
    ["qwen3-vl", 720, 1280, 880],
    ["qwen3-vl", 8, 64, 2],
    ["qwen3-vl", 64, 8, 2],
    ["a model that nobody knows", 640, 360, 308],
  ])("%s counts %d x %d as %d", (model, width, height, tokens) => {
    expect(pictureTokensOf(familyOf(model))({ width, height })).toBe(tokens)
  })
})

test("a text takes a token for four ASCII characters, begun fours counted whole, and one for any other character", () => {
  expect(["", "a", "abcd", "abcde", "\u007f", "系统", "系统abcde", "🧽"].map(textTokens)).toEqual([
    0, 1, 1, 2, 1, 2, 4, 1,
  ])
  expect(textTokens("\u0080".repeat(4))).toBe(4)
})
