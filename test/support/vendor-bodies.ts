import * as v from "valibot"
import type { ProtocolName } from "../../src/model/protocols/protocols.ts"

/** A request as any vendor's server understands it. */
export interface VendorRequest {
  readonly system: string
  /** Texts and pictures of the first user message, in order; pictures as their bytes. */
  readonly parts: ReadonlyArray<string | Uint8Array>
  readonly turns: ReadonlyArray<{ readonly role: string; readonly text: string }>
  readonly stream: boolean
  readonly temperature: number | undefined
  readonly maxTokens: number | undefined
  readonly effort: string | undefined
  /** How closely the first picture is to be looked at. */
  readonly detail: string | undefined
  readonly serviceTier: string | undefined
  /** The schema that the answer is held to; `json` if it is only to be JSON. */
  readonly format: unknown
}

const jpeg = v.pipe(v.string(), v.startsWith("data:image/jpeg;base64,"))
const bytesOf = (url: string): Uint8Array => Buffer.from(url.replace("data:image/jpeg;base64,", ""), "base64")
const count = v.pipe(v.number(), v.integer(), v.minValue(1))
const schemaObject = v.looseObject({ type: v.literal("object"), additionalProperties: v.literal(false) })
const temperature = v.exactOptional(v.number())
const stream = v.exactOptional(v.literal(true))

const roles = v.picklist(["user", "assistant"])

/** Up to where a request is kept, and that nothing else is. */
const breakpoint = v.exactOptional(v.strictObject({ mode: v.literal("explicit") }))

const chatText = v.strictObject({
  type: v.literal("text"),
  text: v.string(),
  prompt_cache_breakpoint: breakpoint,
})
const chatSchema = v.strictObject({
  model: v.string(),
  messages: v.tuple([
    v.strictObject({ role: v.literal("system"), content: v.string() }),
    v.strictObject({
      role: v.literal("user"),
      content: v.array(
        v.variant("type", [
          chatText,
          v.strictObject({
            type: v.literal("image_url"),
            image_url: v.strictObject({ url: jpeg, detail: v.exactOptional(v.string()) }),
            prompt_cache_breakpoint: breakpoint,
          }),
        ]),
      ),
    }),
  ]),
})

/** Chat completions, as OpenAI's reference has them. The messages after the first two are turns. */
const readChat = (body: unknown): VendorRequest => {
  const rest = v.strictObject({
    model: v.string(),
    messages: v.array(v.unknown()),
    temperature,
    max_tokens: v.exactOptional(count),
    max_completion_tokens: v.exactOptional(count),
    reasoning_effort: v.exactOptional(v.string()),
    service_tier: v.exactOptional(v.string()),
    prompt_cache_options: breakpoint,
    stream,
    stream_options: v.exactOptional(v.strictObject({ include_usage: v.literal(true) })),
    response_format: v.exactOptional(
      v.variant("type", [
        v.strictObject({ type: v.literal("json_object") }),
        v.strictObject({
          type: v.literal("json_schema"),
          json_schema: v.strictObject({ name: v.string(), strict: v.literal(true), schema: schemaObject }),
        }),
      ]),
    ),
  })
  const sent = v.parse(rest, body)
  const { messages } = v.parse(chatSchema, { model: sent.model, messages: sent.messages.slice(0, 2) })
  const turns = v.parse(v.array(v.strictObject({ role: roles, content: v.string() })), sent.messages.slice(2))
  const { response_format: format } = sent
  return {
    system: messages[0].content,
    parts: messages[1].content.map((part) =>
      part.type === "text" ? part.text : bytesOf(part.image_url.url),
    ),
    turns: turns.map(({ role, content }) => ({ role, text: content })),
    stream: sent.stream === true,
    temperature: sent.temperature,
    maxTokens: sent.max_completion_tokens ?? sent.max_tokens,
    effort: sent.reasoning_effort,
    detail: messages[1].content.find((part) => part.type === "image_url")?.image_url.detail,
    serviceTier: sent.service_tier,
    format: format?.type === "json_schema" ? format.json_schema.schema : format && "json",
  }
}

const responsesSchema = v.strictObject({
  model: v.string(),
  instructions: v.string(),
  input: v.tupleWithRest(
    [
      v.strictObject({
        role: v.literal("user"),
        content: v.array(
          v.variant("type", [
            v.strictObject({
              type: v.literal("input_text"),
              text: v.string(),
              prompt_cache_breakpoint: breakpoint,
            }),
            v.strictObject({
              type: v.literal("input_image"),
              image_url: jpeg,
              prompt_cache_breakpoint: breakpoint,
              detail: v.picklist(["auto", "low", "high", "original"]),
            }),
          ]),
        ),
      }),
    ],
    v.strictObject({ role: roles, content: v.string() }),
  ),
  store: v.literal(false),
  temperature,
  max_output_tokens: v.exactOptional(v.pipe(count, v.minValue(16))),
  reasoning: v.exactOptional(v.strictObject({ effort: v.string() })),
  service_tier: v.exactOptional(v.string()),
  prompt_cache_options: breakpoint,
  stream,
  text: v.exactOptional(
    v.strictObject({
      format: v.variant("type", [
        v.strictObject({ type: v.literal("json_object") }),
        v.strictObject({
          type: v.literal("json_schema"),
          name: v.string(),
          strict: v.literal(true),
          schema: schemaObject,
        }),
      ]),
    }),
  ),
})

const readResponses = (body: unknown): VendorRequest => {
  const { input, text, ...sent } = v.parse(responsesSchema, body)
  const [first, ...turns] = input
  return {
    system: sent.instructions,
    parts: first.content.map((part) => (part.type === "input_text" ? part.text : bytesOf(part.image_url))),
    turns: turns.map(({ role, content }) => ({ role, text: content })),
    stream: sent.stream === true,
    temperature: sent.temperature,
    maxTokens: sent.max_output_tokens,
    effort: sent.reasoning?.effort,
    detail: first.content.find((part) => part.type === "input_image")?.detail,
    serviceTier: sent.service_tier,
    format: text?.format.type === "json_schema" ? text.format.schema : text && "json",
  }
}

const cacheControl = v.exactOptional(v.strictObject({ type: v.literal("ephemeral") }))

const anthropicSchema = v.strictObject({
  model: v.string(),
  max_tokens: count,
  system: v.string(),
  messages: v.tupleWithRest(
    [
      v.strictObject({
        role: v.literal("user"),
        content: v.array(
          v.variant("type", [
            v.strictObject({
              type: v.literal("text"),
              text: v.pipe(v.string(), v.nonEmpty()),
              cache_control: cacheControl,
            }),
            v.strictObject({
              type: v.literal("image"),
              cache_control: cacheControl,
              source: v.strictObject({
                type: v.literal("base64"),
                media_type: v.literal("image/jpeg"),
                data: v.pipe(v.string(), v.base64()),
              }),
            }),
          ]),
        ),
      }),
    ],
    v.strictObject({ role: roles, content: v.pipe(v.string(), v.nonEmpty()) }),
  ),
  temperature: v.exactOptional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
  service_tier: v.exactOptional(v.picklist(["auto", "standard_only"])),
  stream,
  output_config: v.exactOptional(
    v.strictObject({
      effort: v.exactOptional(v.picklist(["low", "medium", "high", "xhigh", "max"])),
      format: v.exactOptional(v.strictObject({ type: v.literal("json_schema"), schema: schemaObject })),
    }),
  ),
})

const readAnthropic = (body: unknown): VendorRequest => {
  const { messages, output_config: output, ...sent } = v.parse(anthropicSchema, body)
  const [first, ...turns] = messages
  return {
    system: sent.system,
    parts: first.content.map((part) =>
      part.type === "text" ? part.text : Buffer.from(part.source.data, "base64"),
    ),
    turns: turns.map(({ role, content }) => ({ role, text: content })),
    stream: sent.stream === true,
    temperature: sent.temperature,
    maxTokens: sent.max_tokens,
    effort: output?.effort,
    detail: undefined,
    serviceTier: sent.service_tier,
    format: output?.format?.schema,
  }
}

const textPart = v.strictObject({ text: v.string() })
const geminiSchema = v.strictObject({
  systemInstruction: v.strictObject({ parts: v.tuple([textPart]) }),
  contents: v.tupleWithRest(
    [
      v.strictObject({
        role: v.literal("user"),
        parts: v.array(
          v.union([
            textPart,
            v.strictObject({
              inlineData: v.strictObject({
                mimeType: v.literal("image/jpeg"),
                data: v.pipe(v.string(), v.base64()),
              }),
            }),
          ]),
        ),
      }),
    ],
    v.strictObject({ role: v.picklist(["user", "model"]), parts: v.tuple([textPart]) }),
  ),
  generationConfig: v.strictObject({
    temperature,
    maxOutputTokens: v.exactOptional(count),
    mediaResolution: v.exactOptional(
      v.picklist(["MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH"]),
    ),
    thinkingConfig: v.exactOptional(
      v.strictObject({ thinkingLevel: v.picklist(["MINIMAL", "LOW", "MEDIUM", "HIGH"]) }),
    ),
    responseMimeType: v.exactOptional(v.literal("application/json")),
    responseJsonSchema: v.exactOptional(schemaObject),
  }),
  serviceTier: v.exactOptional(v.picklist(["flex", "standard", "priority"])),
})

const readGemini = (body: unknown, url: URL): VendorRequest => {
  const { contents, generationConfig: config, serviceTier, systemInstruction } = v.parse(geminiSchema, body)
  const [first, ...turns] = contents
  return {
    system: systemInstruction.parts[0].text,
    parts: first.parts.map((part) =>
      "text" in part ? part.text : Buffer.from(part.inlineData.data, "base64"),
    ),
    turns: turns.map(({ role, parts }) => ({
      role: role === "model" ? "assistant" : role,
      text: parts[0].text,
    })),
    stream: url.pathname.endsWith(":streamGenerateContent") && url.searchParams.get("alt") === "sse",
    temperature: config.temperature,
    maxTokens: config.maxOutputTokens,
    effort: config.thinkingConfig?.thinkingLevel.toLowerCase(),
    detail: config.mediaResolution?.replace("MEDIA_RESOLUTION_", "").toLowerCase(),
    serviceTier,
    format: config.responseJsonSchema ?? (config.responseMimeType && "json"),
  }
}

/**
 * Reads a body as the vendor's server would, by the vendor's reference: what that does not have is an error.
 *
 * @throws {v.ValiError}
 */
export const readVendorBody: Readonly<Record<ProtocolName, (body: unknown, url: URL) => VendorRequest>> = {
  chat: readChat,
  responses: readResponses,
  anthropic: readAnthropic,
  gemini: readGemini,
}
