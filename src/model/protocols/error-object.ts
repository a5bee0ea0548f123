import * as v from "valibot"
import { anything } from "./lenient.ts"

/** Words and numbers by which services say that nothing went wrong. */
const isFine = (code: string | number): boolean =>
  ["0", "200", "ok", "success"].includes(String(code).toLowerCase())

/** Whether a field for errors holds one. Some services send it with every answer: empty, `false`, or 0. */
const isThere = (value: unknown): boolean =>
  typeof value === "object" && value !== null
    ? Object.keys(value).length > 0
    : value !== undefined && value !== null && value !== "" && value !== false && value !== 0

const errorSchema = v.looseObject({
  error: anything,
  errors: anything,
  choices: anything,
  response: anything,
})
const choiceErrorSchema = v.object({ error: anything })
const failing = v.pipe(
  v.union([v.string(), v.number()]),
  v.check((code) => !isFine(code)),
)
const plainErrorSchema = v.union([
  v.object({ object: v.literal("error") }),
  v.object({ type: v.literal("error") }),
  v.object({ message: v.string(), code: failing }),
  v.object({ msg: v.string(), code: failing }),
  v.object({ error_code: v.pipe(v.unknown(), v.check(isThere)) }),
  v.object({ detail: v.unknown() }),
  v.object({ base_resp: v.object({ status_code: v.pipe(v.number(), v.notValue(0)) }) }),
])

const failedSchema = v.object({ error: v.object({ message: v.string() }) })

/** Whether a body, or a piece of a stream, is an error in any of the usual forms, in whatever place. */
export const isErrorObject = (body: unknown): boolean => {
  if (Array.isArray(body)) return body.length > 0 && isErrorObject(body[0])
  const parsed = v.safeParse(errorSchema, body)
  if (!parsed.success) return false
  const { error, errors, choices, response } = parsed.output
  if (isThere(error) || isThere(errors)) return true
  // The last event of a response that has failed.
  if (v.is(failedSchema, response)) return true
  if (Array.isArray(choices) && choices.length > 0) {
    const first = v.safeParse(choiceErrorSchema, choices[0])
    return first.success && isThere(first.output.error)
  }
  return v.is(plainErrorSchema, body)
}
