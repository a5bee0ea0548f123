import * as v from "valibot"
import { parseJson } from "../../../files/json.ts"
import { statusIn } from "../../protocols/fault.ts"
import type { LineFormat, Result } from "../lines.ts"

const word = v.nullish(v.pipe(v.union([v.string(), v.number()]), v.transform(String)))
const anyStatus = v.pipe(
  v.union([v.number(), v.string()]),
  v.transform(Number),
  v.integer(),
  v.minValue(100),
  v.maxValue(599),
)

/** A line of an output or error file, as far as it is one: services differ in what they leave out, and in what is a number. */
const lineSchema = v.object({
  custom_id: v.string(),
  response: v.fallback(
    v.nullish(v.object({ status_code: v.fallback(v.nullish(anyStatus), undefined), body: v.unknown() })),
    undefined,
  ),
  error: v.optional(v.unknown()),
})
const errorSchema = v.fallback(
  v.union([
    v.object({ code: word, message: word }),
    v.pipe(
      v.string(),
      v.transform((message) => ({ code: undefined, message })),
    ),
  ]),
  { code: undefined, message: undefined },
)

/** Codes of requests that the service has not come to. */
const unbegun = /expired|cancel/iu

/** Some services put the body as text. */
const bodyOf = (body: unknown): unknown =>
  typeof body === "string" && body.trimStart().startsWith("{") ? (parseJson(body) ?? body) : body

const hasError = (body: unknown): boolean =>
  typeof body === "object" && body !== null && "error" in body && body.error !== null && !("choices" in body)

/** What is said of an error in the place of a body: vLLM leaves the body of an error empty, and says beside it what went wrong. */
const saidOf = (error: unknown): unknown =>
  typeof error === "string" ? { error: { message: error } } : error

const resultOf = (
  response: { status_code?: number | null | undefined; body: unknown },
  error: unknown,
): Result => {
  const body = bodyOf(response.body) ?? saidOf(error) ?? null
  const status = response.status_code ?? (hasError(body) ? statusIn(JSON.stringify(body)) : 200)
  return { type: "answer", status, body }
}

/** The lines of OpenAI's batch files, which other services and vLLM have taken over. */
export const openAiLines: LineFormat = {
  idIn: (customId) => customId,
  start: (id, url) =>
    `{"custom_id":${JSON.stringify(id)},"method":"POST","url":${JSON.stringify(url)},"body":`,
  frameBytes: 0,
  read: (json) => {
    const parsed = v.safeParse(lineSchema, json)
    if (!parsed.success) return undefined
    const { custom_id: id, error, response } = parsed.output
    if (response) return { id, result: resultOf(response, error) }
    const said = v.parse(errorSchema, error)
    const [code, message] = [said.code ?? "", said.message ?? ""]
    if (unbegun.test(code)) return { id, result: { type: "unbegun" } }
    return code === "" && message === "" ? undefined : { id, result: { type: "fault", code, message } }
  },
}
