import type { ModelRequest, ResponseFormat } from "../../VisionModel.ts"
import { strictSchema } from "../format.ts"
import type { Slot } from "../lazy-body.ts"
import type { Parameters } from "../Protocol.ts"

const formatConfig = (format: ResponseFormat, { schema }: ModelRequest) => {
  if (format === "none") return {}
  const mime = { responseMimeType: "application/json" }
  return format === "json_object" || schema === undefined
    ? mime
    : { ...mime, responseJsonSchema: strictSchema(schema.json) }
}

/** The first user content: prompt, labels and pictures. */
const parts = ({ prompt, images }: ModelRequest, slot: Slot) => [
  { text: prompt },
  ...images.flatMap(({ label }, i) => [
    ...(label === undefined ? [] : [{ text: label }]),
    { inlineData: { mimeType: "image/jpeg", data: slot(i) } },
  ]),
]

/** The body of a request to generate content. */
export const geminiBody = (request: ModelRequest, parameters: Parameters, slot: Slot) => {
  const { temperature, maxTokens, effort, serviceTier, format, extra } = parameters
  return {
    systemInstruction: { parts: [{ text: request.system }] },
    contents: [
      { role: "user", parts: parts(request, slot) },
      ...request.turns.map(({ role, text }) => ({
        role: role === "assistant" ? "model" : role,
        parts: [{ text }],
      })),
    ],
    generationConfig: {
      ...(temperature === undefined ? {} : { temperature }),
      ...(maxTokens === undefined ? {} : { maxOutputTokens: maxTokens }),
      ...(effort === undefined ? {} : { thinkingConfig: { thinkingLevel: effort.toUpperCase() } }),
      ...formatConfig(format, request),
    },
    ...(serviceTier === undefined ? {} : { serviceTier }),
    ...extra,
  }
}
