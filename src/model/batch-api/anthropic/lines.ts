import * as v from "valibot"
import { sha256 } from "../../../plan/fingerprint.ts"
import { anything, ifFits } from "../../protocols/lenient.ts"
import type { LineFormat, Result } from "../lines.ts"

/** Longest id that the service takes for a request. */
const longestId = 64
const longestTag = 20

/** What the ids of a batch's requests end in: the service has no other place for what one finds a batch by. */
export const tagOf = (batch: string): string => `-${sha256(batch).slice(0, longestTag)}`

/** What stands around the lines in the body of a request: `{"requests":[` before, `]}` after, of which one is a line's end. */
export const frame = { before: '{"requests":[', after: "]}" } as const

const lineSchema = v.object({
  custom_id: v.string(),
  result: v.variant("type", [
    v.object({ type: v.literal("succeeded"), message: v.unknown() }),
    v.object({ type: v.literal("errored"), error: v.unknown() }),
    v.object({ type: v.picklist(["canceled", "cancelled", "expired"]) }),
  ]),
})
const errorSchema = v.object({ type: anything, error: ifFits(v.object({ type: anything })) })

/** The statuses that the service's errors have where they are answers of their own. */
const statuses: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
}

/** The status of an error; one that nobody knows may pass. */
const statusOf = (error: unknown): number => {
  const parsed = v.safeParse(errorSchema, error)
  const type = parsed.success ? (parsed.output.error ?? parsed.output).type : undefined
  return (typeof type === "string" ? statuses[type] : undefined) ?? 500
}

const resultOf = (result: v.InferOutput<typeof lineSchema>["result"]): Result => {
  if (result.type === "succeeded") return { type: "answer", status: 200, body: result.message }
  if (result.type === "errored") return { type: "answer", status: statusOf(result.error), body: result.error }
  return { type: "unbegun" }
}

/** The requests of Anthropic's message batches, a line each, and the lines of their results. */
export const anthropicLines: LineFormat = {
  idIn: (customId, batch) => `${customId.slice(0, longestId - longestTag - 1)}${tagOf(batch)}`,
  start: (id) => `{"custom_id":${JSON.stringify(id)},"params":`,
  // The end of each line becomes a comma, and that of the last a bracket.
  frameBytes: frame.before.length + frame.after.length - 1,
  read: (json) => {
    const parsed = v.safeParse(lineSchema, json)
    return parsed.success
      ? { id: parsed.output.custom_id, result: resultOf(parsed.output.result) }
      : undefined
  },
}
