import type { ModelRequest, ResponseFormat } from "../../VisionModel.ts"
import { strictSchema } from "../format.ts"
import { type LazyBody, lazyJson, type Slot, userParts, withLast } from "../lazy-body.ts"
import { breakpointFor, cacheOptions } from "../openai-cache.ts"
import type { Parameters } from "../Protocol.ts"

const text = (said: string) => ({ type: "text", text: said })
const pictureOf = (detail: string | undefined) => (data: string) => ({
  type: "image_url",
  image_url: { url: `data:image/jpeg;base64,${data}`, ...(detail === undefined ? {} : { detail }) },
})

/** How the conversation is written, beside what is said in it. */
type Writing = Pick<Parameters, "cache" | "detail">

const messages = (request: ModelRequest, slot: Slot, { cache, detail }: Writing): ReadonlyArray<unknown> => [
  { role: "system", content: request.system },
  {
    role: "user",
    content: withLast(userParts(request, slot, text, pictureOf(detail)), breakpointFor(cache)),
  },
  ...request.turns.map(({ role, text: said }) => ({ role, content: said })),
]

/** The parameter a format stands for. */
const formatParameter = (
  format: ResponseFormat,
  { schema }: ModelRequest,
): Readonly<Record<string, unknown>> => {
  if (format === "none") return {}
  if (format === "json_object" || schema === undefined) return { response_format: { type: "json_object" } }
  return {
    response_format: {
      type: "json_schema",
      json_schema: { name: schema.name, strict: true, schema: strictSchema(schema.json) },
    },
  }
}

/** The parameters of a chat completion, in the order in which they are sent. */
export const chatParameters = (
  {
    temperature,
    maxTokens,
    tokenLimit,
    effort,
    serviceTier,
    cache,
    stream,
    streamOptions,
    format,
    extra,
  }: Parameters,
  request: ModelRequest,
): Readonly<Record<string, unknown>> => ({
  ...(temperature === undefined ? {} : { temperature }),
  ...(maxTokens === undefined ? {} : { [tokenLimit]: maxTokens }),
  ...(effort === undefined ? {} : { reasoning_effort: effort }),
  ...(serviceTier === undefined ? {} : { service_tier: serviceTier }),
  ...cacheOptions(cache),
  ...(stream ? { stream: true } : {}),
  ...(stream && streamOptions ? { stream_options: { include_usage: true } } : {}),
  ...formatParameter(format, request),
  ...extra,
})

/**
 * The body of a chat completion. Messages come first and are byte-identical between attempts up to the first new turn, so
 * that prompt caches hit; the parameters follow them.
 */
export const lazyBody = (
  model: string,
  request: ModelRequest,
  parameters: Readonly<Record<string, unknown>>,
  writing: Writing = {},
): LazyBody =>
  lazyJson(request.images, (slot) => ({ model, messages: messages(request, slot, writing), ...parameters }))
