import * as v from "valibot"
import { responseFormats } from "../plan/choices.ts"
import table from "./families.json"

const count = v.pipe(v.number(), v.integer(), v.minValue(1))
const words = v.array(v.string())

/** What a picture counts as at a detail that was asked for, where that is a number of its own. */
const byDetail = v.exactOptional(v.record(v.string(), count))

/** How the tokens of a picture are counted; sizes in pixels. */
const tokenRuleSchema = v.variant("rule", [
  /** Fit into 2048, the shorter side at most 768, then squares of 512. */
  v.strictObject({ rule: v.literal("tiles"), base: v.number(), tile: v.number() }),
  /** Fit into `longest_side_px` and `most` squares of `side`, each `factor` tokens. */
  v.strictObject({
    rule: v.literal("patches"),
    side: count,
    most: count,
    longest_side_px: v.exactOptional(count),
    factor: v.number(),
  }),
  /** The largest size with sides of `longest_side_px` and `most` squares of `side` at most, a token for each square. */
  v.strictObject({ rule: v.literal("padded"), side: count, most: count, longest_side_px: count }),
  /** Squares of `side`, both sides rounded to whole ones. */
  v.strictObject({ rule: v.literal("rounded"), side: count }),
  /** Crops of 256 to 768, each `crop` tokens; one up to 384 by 384. */
  v.strictObject({ rule: v.literal("crops"), crop: count, by_detail: byDetail }),
  v.strictObject({ rule: v.literal("fixed"), tokens: count, by_detail: byDetail }),
  /** By area, after the longer side is made `longest_side_px` at most. */
  v.strictObject({
    rule: v.literal("area"),
    pixels_per_token: count,
    longest_side_px: v.exactOptional(count),
  }),
])
export type TokenRule = v.InferOutput<typeof tokenRuleSchema>

/**
 * How a service keeps what it has read, for requests that begin alike.
 *
 * - `automatic`: all of it, and nothing is charged for that.
 * - `priced`: all of it, and that has a price, unless it is told not to.
 * - `marked`: what is marked, and that has a price.
 */
const cacheKinds = ["automatic", "priced", "marked"] as const
export type CacheKind = (typeof cacheKinds)[number]

const familySchema = v.strictObject({
  pattern: v.pipe(
    v.string(),
    v.check((text) => isPattern(text), "is no regular expression"),
  ),
  /** Whether a temperature may be sent. */
  temperature: v.exactOptional(v.boolean()),
  /** The name of the limit of the answer's length in chat completions. */
  token_limit: v.exactOptional(v.picklist(["max_tokens", "max_completion_tokens"])),
  /** Values of the reasoning effort; an empty list if there is none. */
  efforts: v.exactOptional(words),
  /** Values of a picture's `detail`; an empty list if there is none. */
  details: v.exactOptional(words),
  /** The strictest form of an answer that it can be held to. */
  format: v.exactOptional(v.picklist(responseFormats)),
  /** Sent as limit of the answer's length where a protocol cannot do without one. */
  answer_tokens: v.exactOptional(count),
  /** The longest side that the model itself works with: a larger picture is made smaller by the service. */
  work_side_px: v.exactOptional(count),
  /** The longest side of a picture that is sent if nobody says another: less than the model works with, as far as hardly anybody sees it. */
  send_side_px: v.exactOptional(count),
  /** Pictures without a longer side than this lose nothing at this detail, which costs less than the model's own choice. */
  detail_of_small: v.exactOptional(v.strictObject({ side_px: count, detail: v.string() })),
  /** Of one request, its whole conversation included. */
  max_images: v.exactOptional(count),
  max_side_px: v.exactOptional(count),
  /** The limit of the side in requests of more than so many pictures. */
  max_side_px_of_many: v.exactOptional(v.strictObject({ above_images: count, px: count })),
  max_body_bytes: v.exactOptional(count),
  /** Whether it was trained on videos as frames, each after text with its time, `<12.5 seconds>`. */
  frame_times: v.exactOptional(v.literal(true)),
  /** What becomes of a request in the cache of its service. */
  cache: v.exactOptional(v.picklist(cacheKinds)),
  tokens: v.exactOptional(tokenRuleSchema),
})

const isPattern = (text: string): boolean => {
  try {
    return new RegExp(text, "iu") instanceof RegExp
  } catch {
    return false
  }
}

const tableSchema = v.strictObject({
  note: v.exactOptional(v.string()),
  /** Day on which the entries were compared with the vendors' pages. */
  date: v.exactOptional(v.string()),
  /** Pages that the entries are from. */
  sources: v.exactOptional(v.array(v.string())),
  families: v.array(familySchema),
})

/** What is known of a family of models. What is absent is not known. */
export type ModelFamily = Omit<v.InferOutput<typeof familySchema>, "pattern">

/** Families in the order in which they are looked through. */
export type ModelFamilies = v.InferOutput<typeof tableSchema>["families"]

/** The families that come with the program. */
export const listedFamilies: ModelFamilies = v.parse(tableSchema, table).families

/**
 * Reads a table of families, whose entries go before those that come with the program.
 *
 * @returns the sentence that says what is wrong with it, if it is none
 */
export const readFamilies = (json: unknown): ModelFamilies | string => {
  const parsed = v.safeParse(tableSchema, json)
  if (parsed.success) return [...parsed.output.families, ...listedFamilies]
  const [issue] = parsed.issues
  return `${v.getDotPath(issue) ?? "the table"}: ${issue.message}`
}

/** What is known of a model; nothing, if its family is not in the table. */
export const familyOf = (model: string, families: ModelFamilies = listedFamilies): ModelFamily =>
  families.find(({ pattern }) => new RegExp(pattern, "iu").test(model)) ?? {}
