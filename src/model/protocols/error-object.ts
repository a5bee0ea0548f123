import * as v from "valibot"

const unknown = v.optional(v.unknown())
const errorSchema = v.looseObject({ error: unknown, errors: unknown, choices: unknown, response: unknown })
const choiceErrorSchema = v.object({ error: unknown })
const plainErrorSchema = v.union([
  v.object({ object: v.literal("error") }),
  v.object({ type: v.literal("error") }),
  v.object({ message: v.string(), code: v.union([v.string(), v.number()]) }),
  v.object({ msg: v.string(), code: v.union([v.string(), v.number()]) }),
  v.object({ error_code: v.unknown() }),
  v.object({ detail: v.unknown() }),
  v.object({ base_resp: v.object({ status_code: v.pipe(v.number(), v.notValue(0)) }) }),
])

const failedSchema = v.object({ error: v.object({ message: v.string() }) })

const isThere = (value: unknown): boolean => value !== undefined && value !== null && value !== ""

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
