import { responseFormats } from "../../../plan/choices.ts"
import { serviceFaultBy } from "../fault.ts"
import { lazyJson } from "../lazy-body.ts"
import { limitHints } from "../limit-hints.ts"
import type { Protocol } from "../Protocol.ts"
import { responsesBody } from "./body.ts"
import { assembleResponse, parseResponse } from "./response.ts"

/** OpenAI's Responses. */
export const responses: Protocol = {
  name: "openai-responses",
  pathPattern: /\/responses$/iu,
  batch: { api: "openai", url: "/v1/responses" },
  controlsCache: "priced",
  tokenLimits: ["max_output_tokens"],
  formats: responseFormats,
  authorize: (key) => ({ Authorization: `Bearer ${key}` }),
  encode: (model, request, parameters) => ({
    path: "/responses",
    headers: {},
    body: lazyJson(request.images, (slot) => responsesBody(model, request, parameters, slot)),
  }),
  decode: { noun: "response", mark: '"output"', whole: parseResponse, stream: assembleResponse },
  classify: serviceFaultBy(limitHints),
  limits: limitHints,
}
