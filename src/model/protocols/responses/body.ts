import type { ModelRequest, ResponseFormat } from "../../VisionModel.ts"
import { strictSchema } from "../format.ts"
import { type Slot, userParts, withLast } from "../lazy-body.ts"
import { breakpointFor, cacheOptions } from "../openai-cache.ts"
import type { Parameters } from "../Protocol.ts"

const textFormat = (format: ResponseFormat, { schema }: ModelRequest) => {
  if (format === "none") return {}
  if (format === "json_object" || schema === undefined)
    return { text: { format: { type: "json_object" as const } } }
  const { name, json } = schema
  return {
    text: { format: { type: "json_schema" as const, name, strict: true, schema: strictSchema(json) } },
  }
}

const text = (said: string) => ({ type: "input_text" as const, text: said })
const pictureOf = (detail: Parameters["detail"]) => (data: string) => ({
  type: "input_image" as const,
  image_url: `data:image/jpeg;base64,${data}`,
  detail: detail ?? ("auto" as const),
})

/**
 * The body of a request for a response. Nothing is stored at the service. What is said comes first and is the same to the byte
 * between attempts up to the first new turn, so that prompt caches hit.
 */
export const responsesBody = (model: string, request: ModelRequest, parameters: Parameters, slot: Slot) => {
  const { cache, temperature, maxTokens, effort, serviceTier, stream, format, detail, extra } = parameters
  return {
    model,
    instructions: request.system,
    input: [
      {
        role: "user" as const,
        content: withLast(userParts(request, slot, text, pictureOf(detail)), breakpointFor(cache)),
      },
      ...request.turns.map(({ role, text: said }) => ({ role, content: said })),
    ],
    store: false,
    ...(temperature === undefined ? {} : { temperature }),
    ...(maxTokens === undefined ? {} : { max_output_tokens: maxTokens }),
    ...(effort === undefined ? {} : { reasoning: { effort } }),
    ...(serviceTier === undefined ? {} : { service_tier: serviceTier }),
    ...cacheOptions(cache),
    ...(stream ? { stream: true } : {}),
    ...textFormat(format, request),
    ...extra,
  }
}
