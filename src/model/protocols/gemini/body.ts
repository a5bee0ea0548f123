import type { ModelRequest, ResponseFormat } from "../../VisionModel.ts"
import { strictSchema } from "../format.ts"
import { type Slot, userParts } from "../lazy-body.ts"
import type { Parameters } from "../Protocol.ts"

const formatConfig = (format: ResponseFormat, { schema }: ModelRequest) => {
  if (format === "none") return {}
  const mime = { responseMimeType: "application/json" }
  return format === "json_object" || schema === undefined
    ? mime
    : { ...mime, responseJsonSchema: strictSchema(schema.json) }
}

const text = (said: string) => ({ text: said })
const picture = (data: string) => ({ inlineData: { mimeType: "image/jpeg", data } })

/** The body of a request to generate content. */
export const geminiBody = (request: ModelRequest, parameters: Parameters, slot: Slot) => {
  const { temperature, maxTokens, effort, detail, serviceTier, format, extra } = parameters
  return {
    systemInstruction: { parts: [{ text: request.system }] },
    contents: [
      { role: "user", parts: userParts(request, slot, text, picture) },
      ...request.turns.map(({ role, text: said }) => ({
        role: role === "assistant" ? "model" : role,
        parts: [text(said)],
      })),
    ],
    generationConfig: {
      ...(temperature === undefined ? {} : { temperature }),
      ...(maxTokens === undefined ? {} : { maxOutputTokens: maxTokens }),
      ...(effort === undefined ? {} : { thinkingConfig: { thinkingLevel: effort.toUpperCase() } }),
      ...(detail === undefined ? {} : { mediaResolution: `MEDIA_RESOLUTION_${detail.toUpperCase()}` }),
      ...formatConfig(format, request),
    },
    ...(serviceTier === undefined ? {} : { serviceTier }),
    ...extra,
  }
}
