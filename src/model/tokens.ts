import type { ModelFamily, TokenRule } from "./families.ts"

/** Token counts of pictures and text, estimated before a call; settled with what the service counted after it. */

interface Picture {
  readonly width: number
  readonly height: number
}

const scaledToFit = ({ width, height }: Picture, longest: number, shortest: number): Picture => {
  const fit = Math.min(1, longest / Math.max(width, height))
  const short = Math.min(1, shortest / (Math.min(width, height) * fit))
  return { width: Math.floor(width * fit * short), height: Math.floor(height * fit * short) }
}

/** OpenAI's tiles: fit into 2048, shorter side at most 768, then 512-pixel tiles. */
const tiles = (picture: Picture): number => {
  const grows =
    Math.min(picture.width, picture.height) < 768 ? 768 / Math.min(picture.width, picture.height) : 1
  const fit = 2048 / Math.max(picture.width, picture.height)
  const scale = Math.min(grows, fit)
  const sized = scale > 1 ? { width: picture.width * scale, height: picture.height * scale } : picture
  const { width, height } = scaledToFit(sized, 2048, 768)
  return Math.ceil(width / 512) * Math.ceil(height / 512)
}

/** Square patches of `side` pixels, `most` at most. */
const patches = ({ width, height }: Picture, side: number, most: number): number =>
  Math.min(most, Math.ceil(width / side) * Math.ceil(height / side))

const roundedPatches = ({ width, height }: Picture, side: number): number =>
  Math.max(1, Math.floor(width / side + 0.499)) * Math.max(1, Math.floor(height / side + 0.499))

const crops = ({ width, height }: Picture): number => {
  if (width <= 384 && height <= 384) return 1
  const unit = Math.max(256, Math.min(768, Math.floor(Math.min(width, height) / 1.5)))
  return Math.ceil(width / unit) * Math.ceil(height / unit)
}

const scaledTo = (picture: Picture, longest: number): Picture => scaledToFit(picture, longest, longest)

/** Sources of the rules: the vendors' own descriptions of how pictures are counted. */
const tokensBy = (rule: TokenRule, picture: Picture, detail: string | undefined): number => {
  switch (rule.rule) {
    case "tiles":
      // A picture of low detail is not looked at in tiles.
      return rule.base + (detail === "low" ? 0 : rule.tile * tiles(picture))
    case "patches":
      return Math.ceil(rule.factor * patches(picture, rule.side, rule.most))
    case "rounded":
      return roundedPatches(picture, rule.side)
    case "crops":
      return rule.crop * crops(picture)
    case "fixed":
      return rule.tokens
    case "area": {
      const { width, height } =
        rule.longest_side_px === undefined ? picture : scaledTo(picture, rule.longest_side_px)
      return Math.ceil((width * height) / rule.pixels_per_token)
    }
  }
}

const unknownModel: TokenRule = { rule: "area", pixels_per_token: 750 }

/** Tokens of one picture. */
export type PictureTokens = (picture: Picture) => number

/**
 * How a family of models counts pictures; about a token per 750 pixels where that is not known.
 *
 * @param detail how closely the model looks at pictures; absent leaves it to the model
 */
export const pictureTokensOf =
  ({ tokens = unknownModel }: ModelFamily, detail?: string): PictureTokens =>
  (picture) =>
    tokensBy(tokens, picture, detail)

/** Tokens of a text: a quarter of its ASCII characters and every other character. */
export const textTokens = (text: string): number => {
  let ascii = 0
  let other = 0
  for (const character of text) {
    if (character < "\u0080") ascii++
    else other++
  }
  return Math.ceil(ascii / 4) + other
}
