import { promptTokens } from "../estimate.ts"
import type { ModelFamily } from "../families.ts"
import type { Price } from "../money.ts"
import { sentFormat } from "../protocols/format.ts"
import { type Looking, pictureTokensOf } from "../tokens.ts"
import type { ModelRequest, Rejected, RepairMode, ResponseFormat } from "../VisionModel.ts"
import type { PromptCache } from "./prompt-cache.ts"
import { type SendingPictures, sentSize, sideLimitOf } from "./sent-pictures.ts"

/** Tokens of one change in a patch: a path and a new value. */
const tokensOfChange = 80

/** What decides the price of a re-ask. */
export interface RepairPricing {
  readonly price: Price | undefined
  readonly family: ModelFamily
  readonly sending: SendingPictures
  readonly looking: Looking
  readonly cache: Pick<PromptCache, "isKept">
  /** The forms that the protocol has, the strictest first. */
  readonly formats: ReadonlyArray<ResponseFormat>
}

/** Prompt tokens of a request with pictures as they are sent. Not by what was learned: the choice is the same in every run. */
const sentTokens = (request: ModelRequest, { family, looking, sending }: RepairPricing): number => {
  const side = sideLimitOf(request.images.length, sending, family)
  const images = request.images.map((image) => sentSize(image, side))
  return promptTokens({ ...request, images }, pictureTokensOf(family, looking))
}

/**
 * How to have an answer corrected for less money. A patch is short, but it is in no form that a schema could hold it to, and a
 * service's cache has the schema as part of what a request begins with: all pictures are paid for again. The whole answer is longer, and
 * the pictures are read from the cache.
 *
 * @param format in which requests are sent now
 */
export const cheaperRepair = (
  request: ModelRequest,
  { answerTokens, problems }: Rejected,
  format: ResponseFormat,
  pricing: RepairPricing,
): RepairMode => {
  const { cache, family, formats, price } = pricing
  const formOf = (isPartial: boolean) => sentFormat(formats, format, { ...request, isPartial })
  const isReadFromCache = family.cache === "automatic" || cache.isKept(request)
  if (price === undefined || !isReadFromCache || formOf(true) === formOf(false)) return "patch"
  const tokens = sentTokens(request, pricing)
  const patch = tokens * price.in + problems * tokensOfChange * price.out
  const whole = tokens * price.cached + answerTokens * price.out
  return whole < patch ? "full" : "patch"
}
