import { responseFormats } from "../../../plan/choices.ts"
import { serviceFaultBy } from "../fault.ts"
import { limitHints } from "../limit-hints.ts"
import type { Protocol } from "../Protocol.ts"
import { chatParameters, lazyBody } from "./body.ts"
import { parseCompletion } from "./completion.ts"
import { assembleCompletion } from "./stream.ts"

/** OpenAI's chat completions, which most services and servers speak. */
export const chat: Protocol = {
  name: "openai",
  pathPattern: /\/chat\/completions$/iu,
  batch: { api: "openai", url: "/v1/chat/completions" },
  controlsCache: "priced",
  tokenLimits: ["max_tokens", "max_completion_tokens"],
  formats: responseFormats,
  authorize: (key) => ({ Authorization: `Bearer ${key}` }),
  encode: (model, request, parameters) => ({
    path: "/chat/completions",
    headers: {},
    body: lazyBody(model, request, chatParameters(parameters, request), parameters),
  }),
  decode: {
    noun: "chat completion",
    mark: '"choices"',
    whole: parseCompletion,
    stream: assembleCompletion,
  },
  classify: serviceFaultBy(limitHints),
  limits: limitHints,
}
