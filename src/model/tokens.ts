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

/** OpenAI's tiles: scaled down to fit into 2048 with a shorter side of at most 768, then 512-pixel tiles. */
const tiles = (picture: Picture): number => {
  const { width, height } = scaledToFit(picture, 2048, 768)
  return Math.ceil(width / 512) * Math.ceil(height / 512)
}

const squares = ({ width, height }: Picture, side: number): number =>
  Math.ceil(width / side) * Math.ceil(height / side)

/** The same picture with sides of so many times their length. */
const scaledBy = ({ width, height }: Picture, scale: number): Picture => ({
  width: width * scale,
  height: height * scale,
})

/** The scales at which the sides of a picture are whole squares, where its area is just below that of `most` squares. */
const wholeScales = ({ width, height }: Picture, side: number, most: number): readonly [number, number] => {
  const scale = Math.sqrt((side * side * most) / (width * height))
  const whole = (length: number) => (Math.max(1, Math.floor((length * scale) / side)) * side) / length
  return [whole(width), whole(height)]
}

/** OpenAI's patches: as many squares as both sides have room for, where all of the picture would be too many. */
const patches = (
  picture: Picture,
  side: number,
  most: number,
  longest = Number.POSITIVE_INFINITY,
): number => {
  const fit = scaledTo(picture, longest)
  if (squares(fit, side) <= most) return squares(fit, side)
  const { width, height } = scaledBy(fit, Math.min(...wholeScales(fit, side, most)))
  return Math.min(most, squares({ width: Math.floor(width), height: Math.floor(height) }, side))
}

/** So many times a factor of few decimals, begun tokens counted whole. */
const multiplied = (factor: number, tokens: number): number => Math.ceil(Number((factor * tokens).toFixed(6)))

/** Claude's patches: the largest size that fits, its sides filled up to whole squares. */
const padded = (picture: Picture, side: number, most: number, longest: number): number => {
  const fit = scaledTo(picture, longest)
  if (squares(fit, side) <= most) return squares(fit, side)
  const counts = wholeScales(fit, side, most).map((scale) => {
    const { width, height } = scaledBy(fit, scale)
    return squares({ width: Math.floor(width), height: Math.floor(height) }, side)
  })
  return Math.max(...counts.filter((tokens) => tokens <= most), 1)
}

const roundedPatches = ({ width, height }: Picture, side: number): number =>
  Math.max(1, Math.floor(width / side + 0.499)) * Math.max(1, Math.floor(height / side + 0.499))

const crops = ({ width, height }: Picture): number => {
  if (width <= 384 && height <= 384) return 1
  const unit = Math.max(256, Math.min(768, Math.floor(Math.min(width, height) / 1.5)))
  return Math.ceil(width / unit) * Math.ceil(height / unit)
}

const scaledTo = (picture: Picture, longest: number): Picture => scaledToFit(picture, longest, longest)

/** At low detail OpenAI's models see a picture that fits into a square of this side. */
const lowDetailSide = 512

/** What a picture counts as at a detail that was asked for, if the rule has a number of its own for it. */
const countedBy = (
  { by_detail }: { readonly by_detail?: Readonly<Record<string, number>> },
  detail: string | undefined,
): number | undefined => (detail === undefined ? undefined : by_detail?.[detail])

/** Sources of the rules: the vendors' own descriptions of how pictures are counted. */
const tokensBy = (rule: TokenRule, picture: Picture, detail: string | undefined): number => {
  switch (rule.rule) {
    case "tiles":
      // A picture of low detail is not looked at in tiles.
      return rule.base + (detail === "low" ? 0 : rule.tile * tiles(picture))
    case "patches": {
      const seen = detail === "low" ? scaledTo(picture, lowDetailSide) : picture
      return multiplied(rule.factor, patches(seen, rule.side, rule.most, rule.longest_side_px))
    }
    case "padded":
      return padded(picture, rule.side, rule.most, rule.longest_side_px)
    case "rounded":
      return roundedPatches(picture, rule.side)
    case "crops":
      return countedBy(rule, detail) ?? rule.crop * crops(picture)
    case "fixed":
      return countedBy(rule, detail) ?? rule.tokens
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

/** How closely a model is asked to look at pictures. */
export interface Looking {
  /** At all of them; absent leaves it to the model. */
  readonly detail?: string | undefined
  /** At small ones, where nothing is asked for all of them. */
  readonly detailOfSmall?: ModelFamily["detail_of_small"] | undefined
}

/** The detail that is asked for where these pictures are shown; undefined if that is left to the model. */
export const detailFor = (
  { detail, detailOfSmall }: Looking,
  pictures: ReadonlyArray<Picture>,
): string | undefined =>
  detail ??
  (detailOfSmall !== undefined &&
  pictures.every(({ width, height }) => Math.max(width, height) <= detailOfSmall.side_px)
    ? detailOfSmall.detail
    : undefined)

/** How a family of models counts pictures; about a token per 750 pixels where that is not known. */
export const pictureTokensOf =
  ({ tokens = unknownModel }: ModelFamily, looking: Looking = {}): PictureTokens =>
  (picture) =>
    tokensBy(tokens, picture, detailFor(looking, [picture]))

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
