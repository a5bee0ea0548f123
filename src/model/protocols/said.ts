import * as v from "valibot"
import type { Redact } from "../redaction.ts"
import { anything, ifFits } from "./lenient.ts"

/** What a service says about an error, wherever its body has it. */
export interface Said {
  /** As numbers or words. */
  readonly code: string
  readonly type: string
  /** The parameter of the request that is at fault; empty where that is not said. */
  readonly param: string
  readonly message: string
}

/** Of an error so much is kept, and half of that is shown from: a secret that is cut off is never part of what is shown. */
const kept = 32_768
const shown = 300

/** The beginning of a text on one line: without secrets, line breaks and control characters. */
export const excerpt = (text: string, redact: Redact): string => {
  const line = redact(text.slice(0, kept).toWellFormed())
    .slice(0, kept / 2)
    .replaceAll(/[\s\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
    .trim()
  return line.length > shown ? `${line.slice(0, shown).toWellFormed()}...` : line
}

/** The value of a text of JSON; undefined if it is none. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const errorSchema = v.object({
  code: anything,
  error_code: anything,
  status_code: anything,
  status: anything,
  type: anything,
  param: anything,
  message: anything,
  error_msg: anything,
  status_msg: anything,
  msg: anything,
  detail: anything,
  error: anything,
  errors: anything,
  base_resp: anything,
  response: anything,
  choices: ifFits(v.array(v.unknown())),
})

const word = (...values: ReadonlyArray<unknown>): string => {
  const found = values.find(
    (value) => (typeof value === "string" && value !== "") || typeof value === "number",
  )
  return found === undefined ? "" : String(found).slice(0, kept)
}

/** Validation errors of FastAPI and its kin: where, and what. */
const detailSchema = v.array(v.object({ loc: v.optional(v.array(v.unknown())), msg: v.string() }))

const detailText = (detail: unknown): string => {
  const parsed = v.safeParse(detailSchema, detail)
  return parsed.success ? parsed.output.map(({ loc = [], msg }) => `${loc.join(".")}: ${msg}`).join("; ") : ""
}

/** How deep an error may lie within others. */
const deepest = 4

const find = (json: unknown, depth: number): Said | undefined => {
  if (depth > deepest) return undefined
  if (typeof json === "string") return { code: "", type: "", param: "", message: json.slice(0, kept) }
  if (Array.isArray(json)) return json.length === 0 ? undefined : find(json[0], depth + 1)
  const parsed = v.safeParse(errorSchema, json)
  if (!parsed.success) return undefined
  const found = parsed.output
  const within = [
    found.error,
    found.errors,
    found.base_resp,
    found.response,
    found.detail,
    found.choices?.[0],
  ]
    .filter((value) => typeof value === "object" || typeof value === "string")
    .map((value) => find(value, depth + 1))
    .filter((said) => said !== undefined)
  const inner =
    within.find(({ message }) => message !== "") ??
    within.find(({ code, param, type }) => `${code}${param}${type}` !== "")
  const said = {
    code: word(found.code, found.error_code, found.status_code) || (inner?.code ?? ""),
    type: word(found.type, found.status) || (inner?.type ?? ""),
    param: word(found.param) || (inner?.param ?? ""),
    message: word(found.message, found.error_msg, found.status_msg, found.msg) || (inner?.message ?? ""),
  }
  // What lies deepest is nearest to the cause.
  const nearest = inner ?? said
  return {
    code: nearest.code || said.code,
    type: nearest.type || said.type,
    param: nearest.param || said.param,
    message: detailText(found.detail) || nearest.message || said.message,
  }
}

/** Finds what a service says in the body of an error: an object or list of any of the usual forms, or a plain text. */
export const readSaid = (text: string): Said => {
  const json = parseJson(text)
  const said = json === undefined ? undefined : find(json, 0)
  return said !== undefined && said.message !== ""
    ? said
    : {
        code: said?.code ?? "",
        type: said?.type ?? "",
        param: said?.param ?? "",
        message: text.slice(0, kept),
      }
}

/** Everything said, in one line of words to look for. */
export const wordsOf = ({ code, type, param, message }: Said): string => `${code} ${type} ${param} ${message}`
