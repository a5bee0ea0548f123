import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { type Card, cardSvg } from "../../src/demo/card.ts"

const card: Card = {
  stepId: 2,
  goal: "Stir <the> soup & taste",
  action: "agent: hand",
  before: ["spoon in pot"],
  after: ["soup mixed", "spoon in pot"],
  keyframes: [1, 2].map((second) => ({
    jpeg: Uint8Array.of(0xff, 0xd8, second),
    frameIndex: 10 * second,
    timestampSec: second,
    description: `${"The spoon moves in circles through the soup. ".repeat(3)}Done ${second}.`,
  })),
  steps: [
    { startSec: 0, endSec: 0.5 },
    { startSec: 0.5, endSec: 4 },
  ],
  durationSec: 4,
  note: "Nobody was asked.",
}

const textsIn = (svg: string): ReadonlyArray<string> =>
  [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/gu)].map((match) => match[1] ?? "")

test("A card holds its pictures, and texts that are no markup, in lines that fit", () => {
  const svg = cardSvg(card)
  expect(svg).toContain("data:image/jpeg;base64,/9gB")
  expect(svg).toContain("data:image/jpeg;base64,/9gC")
  const texts = textsIn(svg)
  expect(texts).toContain("Step 2. Stir &lt;the&gt; soup &amp; taste")
  expect(texts).toContain("Keyframe 2: frame 20, 2.00 s")
  expect(texts.join(" ")).toContain(card.keyframes[0]?.description ?? "")
  expect(Math.max(...texts.map(({ length }) => length))).toBeLessThanOrEqual(62)
  expect(texts.at(-1)).toBe("Nobody was asked.")
})

test("A card's parts lie below each other and within it", () => {
  const svg = cardSvg(card)
  const height = Number(/viewBox="0 0 1000 (\d+(?:\.\d+)?)"/u.exec(svg)?.[1])
  const rows = [...svg.matchAll(/<text x="24" y="([\d.]+)"/gu)].map((match) => Number(match[1]))
  expect(rows.toSorted((a, b) => a - b)).toEqual(rows)
  expect(rows.at(-1)).toBeLessThan(height)
})

test("The picture of the README is the demo's own, as far as texts go", () => {
  const svg = readFileSync(join(import.meta.dir, "../../docs/demo-step.svg"), "utf8")
  expect(svg.length).toBeLessThan(200_000)
  expect(textsIn(svg)).toContain(
    "These answers were written by hand for the drawn demo video; no model was asked.",
  )
})
