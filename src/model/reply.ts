import { jsonrepair } from "jsonrepair"
import { jsonSize, sign } from "../files/json-size.ts"
import { type Problem, problem } from "../plan/problem.ts"

/** What a reply's text held: one JSON object, or why not. */
export type ParsedReply =
  /** `repaired` if commas, quotes or literals had to be corrected before the object could be read, or a list taken off. */
  | { readonly ok: true; readonly value: object; readonly repaired?: true }
  | { readonly ok: false; readonly problem: Problem }

const failed = (message: string, code: "not_json" | "too_large" = "not_json"): ParsedReply => ({
  ok: false,
  problem: problem("$", code, message),
})

/**
 * What is read at all. The largest answers that were asked for have some 60,000 characters, 1,500 values and nine levels; far
 * more is a model that has lost its way, and would only be read at the cost of everything else.
 */
const replyLimits = { characters: 400_000, values: 5_000, depth: 64 } as const

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value)

type Json = { readonly value: unknown } | { readonly error: string; readonly isTooLarge?: true }

const parse = (text: string): Json => {
  const { depth, values } = jsonSize(text)
  if (depth > replyLimits.depth)
    return { error: `it is nested more than ${replyLimits.depth} levels deep`, isTooLarge: true }
  if (values > replyLimits.values)
    return { error: `it holds more than ${replyLimits.values} values`, isTooLarge: true }
  try {
    return { value: JSON.parse(text) }
  } catch (cause) {
    return { error: cause instanceof Error ? cause.message : String(cause) }
  }
}

/** The end (exclusive) of the brace-balanced text that starts at `start`, strings skipped; undefined if it never closes. */
const balancedEnd = (text: string, start: number): number | undefined => {
  let depth = 0
  let inString = false
  for (let i = start; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (inString) {
      if (c === sign.escape) i++
      else if (c === sign.quote) inString = false
    } else if (c === sign.quote) inString = true
    else if (c === sign.openObject) depth++
    else if (c === sign.closeObject && --depth === 0) return i + 1
  }
  return undefined
}

const opening = /\{\s*["'}]/uy

/** Whether a brace opens JSON rather than prose such as "{see below}". */
const opensJson = (text: string, start: number): boolean => {
  opening.lastIndex = start
  return opening.test(text)
}

/** The repair takes time in proportion to the product of both; this much takes up to 100 ms. */
const repairable = { characters: 60_000, quotesTimesCharacters: 2e8 } as const

const isRepairable = (text: string): boolean => {
  if (text.length > repairable.characters) return false
  const quotes = text.length - text.replace(/["'`]/gu, "").length
  return quotes * text.length <= repairable.quotesTimesCharacters
}

/**
 * Repairs trailing and missing commas, quotes and Python literals. Only for an object whose braces close: what was cut off is
 * never made up.
 */
const repair = (text: string): object | undefined => {
  if (!isRepairable(text)) return undefined
  try {
    const value: unknown = JSON.parse(jsonrepair(text))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

interface Found {
  readonly objects: ReadonlyArray<object>
  readonly repaired: boolean
  readonly error?: string
  readonly isTooLarge?: true
}

const objectsIn = (text: string): Found => {
  const objects: Array<object> = []
  let repaired = false
  let at = text.indexOf("{")
  while (at !== -1) {
    let next = at + 1
    if (opensJson(text, at)) {
      const end = balancedEnd(text, at)
      if (end === undefined) return { objects, repaired, error: "the object is not closed" }
      const json = parse(text.slice(at, end))
      if ("error" in json && json.isTooLarge) return { objects, repaired, ...json }
      const object = "error" in json ? repair(text.slice(at, end)) : json.value
      if ("error" in json && object === undefined) return { objects, repaired, error: json.error }
      repaired ||= "error" in json
      if (isObject(object)) objects.push(object)
      next = end
    }
    at = text.indexOf("{", next)
  }
  return { objects, repaired }
}

const reasoningEnd = /<\/think(?:ing)?>/giu

const withoutReasoning = (text: string): string => {
  const end = [...text.matchAll(reasoningEnd)].at(-1)
  return end === undefined ? text : text.slice(end.index + end[0].length)
}

const fenceMark = "```"

/** What stands between the marks of fenced blocks, without the word and the line break after the first mark. */
const fencedBlocks = (text: string): ReadonlyArray<string> => {
  const blocks: Array<string> = []
  let open = text.indexOf(fenceMark)
  while (open !== -1) {
    const start = open + fenceMark.length
    const close = text.indexOf(fenceMark, start)
    if (close === -1) break
    const head = /^[\w-]*[^\S\n]*\n/u.exec(text.slice(start, close))
    if (head !== null) blocks.push(text.slice(start + head[0].length, close))
    open = text.indexOf(fenceMark, close + fenceMark.length)
  }
  return blocks
}

/** What JSON as a whole says: an object, or a list of nothing but one, in which some models wrap it. */
const ofWhole = (value: unknown): ParsedReply => {
  if (isObject(value)) return { ok: true, value }
  const [only, ...others] = Array.isArray(value) ? value : []
  return isObject(only) && others.length === 0
    ? { ok: true, value: only, repaired: true }
    : failed("the answer must be one JSON object, not a list or a single value")
}

const unreadable = (error: string, isTooLarge: true | undefined): ParsedReply =>
  isTooLarge
    ? failed(
        `the JSON object is not read, because ${error}; answer in the form that was asked for`,
        "too_large",
      )
    : failed(`the JSON object cannot be read (${error}); answer with one valid JSON object`)

/**
 * Takes the one JSON object out of a model's reply without guessing: the text after the last `</think>` or `</thinking>`, then the whole of
 * it, the only fenced block, or the only object in prose. An object with slips of the pen (commas, quotes, literals) is
 * corrected, one that stands alone in a list is taken out of it, and both are marked so. Two different objects, one that does not
 * close, any other list, or none at all are problems, and so is a
 * reply beyond `replyLimits`. Takes time in proportion to the reply's length.
 */
export const parseReply = (reply: string): ParsedReply => {
  const { characters } = replyLimits
  if (reply.length > characters) {
    const message = `the answer is ${reply.length} characters long and is not read beyond ${characters}; answer with one JSON object only`
    return failed(message, "too_large")
  }
  const text = withoutReasoning(reply).trim()
  if (text === "") return failed("the answer is empty; answer with one JSON object")
  const whole = parse(text)
  if ("value" in whole) return ofWhole(whole.value)
  const blocks = fencedBlocks(text)
  const only = blocks.length === 1 ? parse(blocks[0]?.trim() ?? "") : undefined
  if (only !== undefined && "value" in only) return ofWhole(only.value)
  const { objects, repaired, error, isTooLarge } = objectsIn(text)
  if (error !== undefined) return unreadable(error, isTooLarge)
  const distinct = [...new Map(objects.map((object) => [JSON.stringify(object), object])).values()]
  const [first] = distinct
  if (first === undefined)
    return failed("there is no JSON object in the answer; answer with one JSON object only")
  if (distinct.length > 1)
    return failed(`the answer holds ${distinct.length} JSON objects; answer with exactly one`)
  return { ok: true, value: first, ...(repaired ? { repaired } : {}) }
}
