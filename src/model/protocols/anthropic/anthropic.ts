import { serviceFaultBy } from "../fault.ts"
import { lazyJson } from "../lazy-body.ts"
import { limitHintsOf } from "../limit-hints.ts"
import type { Protocol } from "../Protocol.ts"
import { anthropicBody } from "./body.ts"
import { assembleMessage, parseMessage } from "./message.ts"

const limits = limitHintsOf({
  requestLimit: "anthropic-ratelimit-requests-limit",
  tokenLimit: "anthropic-ratelimit-tokens-limit",
  requestsRemaining: "anthropic-ratelimit-requests-remaining",
  requestsReset: "anthropic-ratelimit-requests-reset",
})

const version = { "anthropic-version": "2023-06-01" }

/** Anthropic's Messages. */
export const anthropic: Protocol = {
  name: "anthropic",
  pathPattern: /\/messages$/iu,
  defaultPath: "/v1",
  tokenLimits: ["max_tokens"],
  formats: ["json_schema", "none"],
  controlsCache: "marked",
  words: { detail: [], serviceTier: ["auto", "standard_only"] },
  batch: { api: "anthropic", url: "/v1/messages", headers: version },
  authorize: (key) => ({ "x-api-key": key }),
  encode: (model, request, parameters) => ({
    path: "/messages",
    headers: version,
    body: lazyJson(request.images, (slot) => anthropicBody(model, request, parameters, slot)),
  }),
  decode: { noun: "message", mark: '"content"', whole: parseMessage, stream: assembleMessage },
  classify: serviceFaultBy(limits),
  limits,
}
