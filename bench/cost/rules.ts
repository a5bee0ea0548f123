import { listPrice } from "../../src/model/money.ts"

/**
 * What vendors say that they count and charge, written from their pages and not from what the program believes. The prices of a
 * token are the price file's. Read in November 2026:
 *
 * - OpenAI, pictures: https://developers.openai.com/api/docs/guides/images-vision ("Calculating costs")
 * - OpenAI, caches: https://developers.openai.com/api/docs/guides/prompt-caching
 * - Anthropic, pictures: https://platform.claude.com/docs/en/build-with-claude/vision ("Image costs")
 * - Anthropic, caches: https://platform.claude.com/docs/en/build-with-claude/prompt-caching
 * - Google, pictures: https://ai.google.dev/gemini-api/docs/image-understanding and .../media-resolution ("Token counts")
 * - Google, caches: https://ai.google.dev/gemini-api/docs/caching
 * - flex and batches at half the price: the vendors' pages on pricing
 */

export interface Size {
  readonly width: number
  readonly height: number
}

/** Tokens of a picture at a detail, or media resolution; undefined is what the model does by itself. */
export type CountPicture = (size: Size, detail: string | undefined) => number

/** How a vendor caches the beginnings of requests. */
export interface CacheRules {
  /**
   * - `prefix`: whatever was sent lately is read again, as far as a request begins alike, in steps of `step`; writing is free.
   * - `latest`: each request is written up to its last user message, unless it is marked otherwise; writing has a price.
   * - `marks`: what ends in a mark is written, at a price.
   */
  readonly kind: "prefix" | "latest" | "marks"
  /** Tokens below which nothing is cached. */
  readonly least: number
  readonly step: number
}

export interface VendorModel {
  readonly name: string
  readonly protocol: "chat" | "responses" | "anthropic" | "gemini"
  readonly countPicture: CountPicture
  readonly cache: CacheRules
  /** What makes a call cost half: a service tier, or a batch of the vendor's own form. */
  readonly half: "batch" | "flex"
}

/** "Scale to fit in 2048 x 2048", then "scale the image down" to a short side of 768, then squares of 512. */
const tiles =
  (base: number, tile: number): CountPicture =>
  ({ height, width }, detail) => {
    if (detail === "low") return base
    const first = Math.min(1, 2048 / width, 2048 / height)
    const second = Math.min(1, 768 / (first * Math.min(width, height)))
    const side = (length: number) => Math.ceil(Math.floor(length * first * second) / 512)
    return base + tile * side(width) * side(height)
  }

const cover = (width: number, height: number, side: number): number =>
  Math.ceil(width / side) * Math.ceil(height / side)

/** Steps A to D of the page, letter by letter. */
const patches =
  (budget: number, longest: number, multiplier: number): CountPicture =>
  ({ height, width }, detail) => {
    const within = detail === "low" ? 512 : longest
    const fit = Math.min(1, within / Math.max(width, height))
    const [w, h] = [Math.floor(width * fit), Math.floor(height * fit)]
    const billed = (count: number) => Math.ceil(Math.round(count * multiplier * 1000) / 1000)
    if (cover(w, h, 32) <= budget) return billed(cover(w, h, 32))
    const shrink = Math.sqrt((32 ** 2 * budget) / (w * h))
    const adjusted =
      shrink *
      Math.min(
        Math.floor((w * shrink) / 32) / ((w * shrink) / 32),
        Math.floor((h * shrink) / 32) / ((h * shrink) / 32),
      )
    const resized = cover(Math.floor(w * adjusted), Math.floor(h * adjusted), 32)
    return billed(Math.min(resized, budget))
  }

/** The largest size, pixel by pixel, that keeps its shape, its edge and its number of 28-pixel patches. */
const claude =
  (most: number, edge: number): CountPicture =>
  ({ height, width }) => {
    for (let w = Math.min(width, edge); w > 0; w--) {
      const h = Math.round((w * height) / width)
      if (h <= edge && cover(w, h, 28) <= most) return cover(w, h, 28)
    }
    return 1
  }

/** 258 tokens up to 384 x 384, else for each crop; or what the page's table has for a media resolution. */
const gemini2: CountPicture = ({ height, width }, resolution) => {
  if (resolution === "low") return 64
  if (resolution === "medium") return 256
  if (width <= 384 && height <= 384) return 258
  const unit = Math.max(256, Math.min(768, Math.floor(Math.min(width, height) / 1.5)))
  return 258 * cover(width, height, unit)
}

const gemini3: CountPicture = (_size, resolution = "high") =>
  ({ low: 280, medium: 560, high: 1120 })[resolution] ?? 1120

const openaiFree: CacheRules = { kind: "prefix", least: 1024, step: 128 }
const openaiPriced: CacheRules = { kind: "latest", least: 1024, step: 1 }
const gemini = (least: number): CacheRules => ({ kind: "prefix", least, step: 1 })
const anthropic = (least: number): CacheRules => ({ kind: "marks", least, step: 1 })

/** One or two of each family that is counted or cached in a way of its own. */
export const vendorModels: ReadonlyArray<VendorModel> = [
  { name: "gpt-4.1", protocol: "chat", countPicture: tiles(85, 170), cache: openaiFree, half: "batch" },
  { name: "gpt-5", protocol: "chat", countPicture: tiles(70, 140), cache: openaiFree, half: "flex" },
  {
    name: "gpt-5-mini",
    protocol: "chat",
    countPicture: patches(1536, 2048, 1.62),
    cache: openaiFree,
    half: "flex",
  },
  {
    name: "gpt-5.5",
    protocol: "responses",
    countPicture: patches(10_000, 6000, 1.2),
    cache: openaiFree,
    half: "flex",
  },
  {
    name: "gpt-6.1-sol",
    protocol: "responses",
    countPicture: patches(10_000, 6000, 1.2),
    cache: openaiPriced,
    half: "batch",
  },
  {
    name: "claude-haiku-4-5",
    protocol: "anthropic",
    countPicture: claude(1568, 1568),
    cache: anthropic(4096),
    half: "batch",
  },
  {
    name: "claude-sonnet-5-5",
    protocol: "anthropic",
    countPicture: claude(4784, 2576),
    cache: anthropic(1024),
    half: "batch",
  },
  {
    name: "claude-opus-5-5",
    protocol: "anthropic",
    countPicture: claude(4784, 2576),
    cache: anthropic(512),
    half: "batch",
  },
  { name: "gemini-2.5-flash", protocol: "gemini", countPicture: gemini2, cache: gemini(2048), half: "flex" },
  { name: "gemini-3.8-flash", protocol: "gemini", countPicture: gemini3, cache: gemini(4096), half: "flex" },
]

/** What one call took, as a vendor counts it. */
export interface Metered {
  /** Neither read from a cache nor put into one. */
  readonly fresh: number
  readonly read: number
  readonly written: number
  readonly output: number
}

/** US dollars of a call. */
export const dollars = (
  model: string,
  { fresh, output, read, written }: Metered,
  isHalf: boolean,
): number => {
  const price = listPrice(model)
  if (price === undefined) throw new Error(`the price file has no ${model}`)
  const write = price.cacheWrite ?? price.in
  const sum = fresh * price.in + read * price.cached + written * write + output * price.out
  return ((isHalf ? 0.5 : 1) * sum) / 1e6
}
