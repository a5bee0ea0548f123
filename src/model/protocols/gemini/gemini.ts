import * as v from "valibot"
import { responseFormats } from "../../../plan/choices.ts"
import { ModelError } from "../../VisionModel.ts"
import { serviceFaultBy } from "../fault.ts"
import { lazyJson } from "../lazy-body.ts"
import { limitHints } from "../limit-hints.ts"
import type { Protocol } from "../Protocol.ts"
import { parseJson } from "../said.ts"
import { geminiBody } from "./body.ts"
import { assembleContent, parseContent } from "./content.ts"

const retrySchema = v.object({
  error: v.object({ details: v.array(v.object({ retryDelay: v.optional(v.unknown()) })) }),
})

/** The wait that the body of an error asks for, in milliseconds: this service has no header for it. */
const retryDelayMs = (text: string): number | undefined => {
  const parsed = v.safeParse(retrySchema, parseJson(text))
  const delays = parsed.success ? parsed.output.error.details.map(({ retryDelay }) => retryDelay) : []
  const delay = delays.find((value) => typeof value === "string" && /^\d+(?:\.\d+)?s$/u.test(value))
  return delay === undefined ? undefined : Number.parseFloat(String(delay)) * 1000
}

const serviceFault = serviceFaultBy(limitHints)

const classify: Protocol["classify"] = (answer, redact) => {
  const fault = serviceFault(answer, redact)
  const asked = retryDelayMs(answer.text)
  return fault.reason !== "Throttled" || fault.retryAfterMs !== undefined || asked === undefined
    ? fault
    : new ModelError({ ...fault, message: fault.message, retryAfterMs: asked })
}

/** A model is part of the path; some write it with the folder that it is in. */
const modelPath = (model: string): string => encodeURIComponent(model.replace(/^models\//u, ""))

/** Gemini's `generateContent`. */
export const gemini: Protocol = {
  name: "gemini",
  pathPattern: /\/models\/[^/]+:(?:stream)?generateContent$/iu,
  defaultPath: "/v1beta",
  tokenLimits: ["maxOutputTokens"],
  formats: responseFormats,
  words: { detail: ["low", "medium", "high"] },
  authorize: (key) => ({ "x-goog-api-key": key }),
  encode: (model, request, parameters) => ({
    path: `/models/${modelPath(model)}:${parameters.stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
    headers: {},
    body: lazyJson(request.images, (slot) => geminiBody(request, parameters, slot)),
  }),
  decode: { noun: "generated content", mark: '"candidates"', whole: parseContent, stream: assembleContent },
  classify,
  limits: limitHints,
}
