import { jsonrepair } from "jsonrepair"
import { type Problem, problem } from "../plan/problem.ts"

/** What a reply's text held: one JSON object, or why not. */
export type ParsedReply =
  /** `repaired` if commas, quotes or literals had to be mended before the object could be read. */
  | { readonly ok: true; readonly value: object; readonly repaired?: true }
  | { readonly ok: false; readonly problem: Problem }

const failed = (message: string): ParsedReply => ({ ok: false, problem: problem("$", "not_json", message) })

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value)

type Json = { readonly value: unknown } | { readonly error: string }

const parse = (text: string): Json => {
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
    const c = text[i]
    if (inString) {
      if (c === "\\") i++
      else if (c === '"') inString = false
    } else if (c === '"') inString = true
    else if (c === "{") depth++
    else if (c === "}" && --depth === 0) return i + 1
  }
  return undefined
}

/** Whether a brace opens JSON rather than prose such as "{see below}". */
const opensJson = (text: string, start: number): boolean =>
  /^\{\s*["'}]/u.test(text.slice(start, start + 200))

/**
 * Mends trailing and missing commas, quotes and Python literals. Only for an object whose braces close: what was cut off is
 * never made up.
 */
const repair = (text: string): object | undefined => {
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

const withoutReasoning = (text: string): string => {
  const end = text.lastIndexOf("</think>")
  return end === -1 ? text : text.slice(end + "</think>".length)
}

const fence = /```[\w-]*\s*\n([\s\S]*?)```/gu

/**
 * Takes the one JSON object out of a model's reply without guessing: the text after the last `</think>`, then the whole of
 * it, the only fenced block, or the only object in prose. An object with slips of the pen (commas, quotes, literals) is
 * mended and marked so. Two different objects, one that does not close, a list, or none at all are problems.
 */
export const parseReply = (reply: string): ParsedReply => {
  const text = withoutReasoning(reply)
    .replace(/^\uFEFF/u, "")
    .trim()
  if (text === "") return failed("the answer is empty; answer with one JSON object")
  const whole = parse(text)
  if ("value" in whole) {
    return isObject(whole.value)
      ? { ok: true, value: whole.value }
      : failed("the answer must be one JSON object, not a list or a single value")
  }
  const blocks = [...text.matchAll(fence)].map((match) => match[1] ?? "")
  const only = blocks.length === 1 ? parse(blocks[0]?.trim() ?? "") : undefined
  if (only !== undefined && "value" in only) {
    return isObject(only.value)
      ? { ok: true, value: only.value }
      : failed("the answer must be one JSON object, not a list or a single value")
  }
  const { objects, repaired, error } = objectsIn(text)
  if (error !== undefined)
    return failed(`the JSON object cannot be read (${error}); answer with one valid JSON object`)
  const distinct = [...new Map(objects.map((object) => [JSON.stringify(object), object])).values()]
  const [first] = distinct
  if (first === undefined)
    return failed("there is no JSON object in the answer; answer with one JSON object only")
  if (distinct.length > 1)
    return failed(`the answer holds ${distinct.length} JSON objects; answer with exactly one`)
  return { ok: true, value: first, ...(repaired ? { repaired } : {}) }
}
