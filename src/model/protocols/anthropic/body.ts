import type { ModelRequest, ResponseFormat } from "../../VisionModel.ts"
import { strictSchema } from "../format.ts"
import { type Slot, userParts, withLast } from "../lazy-body.ts"
import type { Parameters } from "../Protocol.ts"

/** The service cannot do without a limit of the answer's length; so much every model writes that can be held to a schema. */
const defaultMaxTokens = 8192

const outputConfig = (format: ResponseFormat, effort: Parameters["effort"], { schema }: ModelRequest) => {
  const held = format === "json_schema" ? schema : undefined
  if (held === undefined && effort === undefined) return {}
  return {
    output_config: {
      ...(effort === undefined ? {} : { effort }),
      ...(held === undefined
        ? {}
        : { format: { type: "json_schema" as const, schema: strictSchema(held.json) } }),
    },
  }
}

const text = (said: string) => ({ type: "text" as const, text: said })
const picture = (data: string) => ({
  type: "image" as const,
  source: { type: "base64" as const, media_type: "image/jpeg" as const, data },
})

/** Has the prompt and all pictures before it kept for five minutes. */
const breakpoint = { cache_control: { type: "ephemeral" as const } }

/** The body of a request for a message. */
export const anthropicBody = (model: string, request: ModelRequest, parameters: Parameters, slot: Slot) => {
  const { cache, temperature, maxTokens, effort, serviceTier, stream, format, answerTokens, extra } =
    parameters
  return {
    model,
    max_tokens: maxTokens ?? answerTokens ?? defaultMaxTokens,
    system: request.system,
    messages: [
      {
        role: "user" as const,
        content: withLast(
          userParts(request, slot, text, picture),
          cache === "prompt" ? breakpoint : undefined,
        ),
      },
      ...request.turns.map(({ role, text: said }) => ({ role, content: said })),
    ],
    ...(temperature === undefined ? {} : { temperature }),
    ...(serviceTier === undefined ? {} : { service_tier: serviceTier }),
    ...(stream ? { stream: true } : {}),
    ...outputConfig(format, effort, request),
    ...extra,
  }
}
