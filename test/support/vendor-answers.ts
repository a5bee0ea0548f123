import type { ProtocolName } from "../../src/model/protocols/protocols.ts"

/** How a vendor's model ends an answer. */
export type VendorFinish = "stop" | "length" | "refusal" | "context"

/** An answer as any vendor's server gives it. */
export interface VendorAnswer {
  readonly text: string
  readonly thinking?: string
  readonly finish?: VendorFinish
}

const chatFinish = {
  stop: "stop",
  length: "length",
  refusal: "content_filter",
  context: "model_length",
} as const
/** What every answer is counted as: of 1000 prompt tokens 300 from the cache, 100 put there; 200 written, 50 of them thought. */
const chatUsage = {
  prompt_tokens: 1000,
  completion_tokens: 200,
  total_tokens: 1200,
  prompt_tokens_details: { cached_tokens: 300, cache_write_tokens: 100 },
  completion_tokens_details: { reasoning_tokens: 50 },
}

const chatWhole = ({ text, finish = "stop" }: VendorAnswer) => ({
  id: "chatcmpl-1",
  object: "chat.completion",
  model: "loopback-vlm",
  choices: [
    {
      index: 0,
      finish_reason: chatFinish[finish],
      message: { role: "assistant", content: text, refusal: null },
    },
  ],
  usage: chatUsage,
})

const halves = (text: string): ReadonlyArray<string> => {
  const half = Math.ceil(text.length / 2)
  return [text.slice(0, half), text.slice(half)]
}

const chatEvents = ({ text, finish = "stop" }: VendorAnswer): ReadonlyArray<object> => {
  const chunk = (delta: object, reason: string | null, usage: object | null) => ({
    object: "chat.completion.chunk",
    model: "loopback-vlm",
    choices: usage === null ? [{ index: 0, delta, finish_reason: reason }] : [],
    usage,
  })
  return [
    ...halves(text).map((content) => chunk({ content }, null, null)),
    chunk({}, chatFinish[finish], null),
    chunk({}, null, chatUsage),
  ]
}

const responsesWhole = ({ text, thinking = "", finish = "stop" }: VendorAnswer) => ({
  id: "resp_1",
  object: "response",
  status: finish === "length" ? "incomplete" : "completed",
  error: null,
  incomplete_details: finish === "length" ? { reason: "max_output_tokens" } : null,
  model: "loopback-vlm",
  output: [
    {
      type: "reasoning",
      id: "rs_1",
      summary: thinking === "" ? [] : [{ type: "summary_text", text: thinking }],
    },
    {
      type: "message",
      id: "msg_1",
      role: "assistant",
      status: "completed",
      content: [
        finish === "refusal"
          ? { type: "refusal", refusal: "I cannot help with that." }
          : { type: "output_text", text, annotations: [] },
      ],
    },
  ],
  service_tier: "default",
  usage: {
    input_tokens: 1000,
    input_tokens_details: { cached_tokens: 300, cache_write_tokens: 100 },
    output_tokens: 200,
    output_tokens_details: { reasoning_tokens: 50 },
    total_tokens: 1200,
  },
})

const responsesEvents = (answer: VendorAnswer): ReadonlyArray<object> => {
  const response = responsesWhole(answer)
  const delta = answer.finish === "refusal" ? "response.refusal.delta" : "response.output_text.delta"
  return [
    { type: "response.created", response: { ...response, status: "in_progress", output: [], usage: null } },
    { type: "response.output_item.added", output_index: 0, item: { type: "message", content: [] } },
    ...halves(answer.text).map((piece) => ({ type: delta, output_index: 0, content_index: 0, delta: piece })),
    { type: response.status === "incomplete" ? "response.incomplete" : "response.completed", response },
  ]
}

const anthropicStop = {
  stop: "end_turn",
  length: "max_tokens",
  refusal: "refusal",
  context: "model_context_window_exceeded",
} as const
const anthropicUsage = {
  input_tokens: 600,
  cache_creation_input_tokens: 100,
  cache_read_input_tokens: 300,
  output_tokens: 200,
  service_tier: "standard",
}

const anthropicWhole = ({ text, thinking = "", finish = "stop" }: VendorAnswer) => ({
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "loopback-vlm",
  content: [
    ...(thinking === "" ? [] : [{ type: "thinking", thinking, signature: "s" }]),
    ...(finish === "refusal" ? [] : [{ type: "text", text }]),
  ],
  stop_reason: anthropicStop[finish],
  stop_sequence: null,
  usage: anthropicUsage,
})

const anthropicEvents = (answer: VendorAnswer): ReadonlyArray<object> => {
  const whole = anthropicWhole(answer)
  const { output_tokens, ...input } = anthropicUsage
  return [
    {
      type: "message_start",
      message: { ...whole, content: [], stop_reason: null, usage: { ...input, output_tokens: 1 } },
    },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "ping" },
    ...(answer.finish === "refusal" ? [] : halves(answer.text)).map((text) => ({
      type: "content_block_delta",
      index: 0,
      delta: { type: "text_delta", text },
    })),
    { type: "content_block_stop", index: 0 },
    {
      type: "message_delta",
      delta: { stop_reason: whole.stop_reason, stop_sequence: null },
      usage: { output_tokens },
    },
    { type: "message_stop" },
  ]
}

const geminiFinish = { stop: "STOP", length: "MAX_TOKENS", refusal: "SAFETY", context: "STOP" } as const
const geminiUsage = {
  promptTokenCount: 1000,
  cachedContentTokenCount: 300,
  candidatesTokenCount: 150,
  thoughtsTokenCount: 50,
  totalTokenCount: 1200,
}

const geminiWhole = ({ text, thinking = "", finish = "stop" }: VendorAnswer) => ({
  candidates: [
    {
      ...(finish === "refusal"
        ? {}
        : {
            content: {
              role: "model",
              parts: [...(thinking === "" ? [] : [{ text: thinking, thought: true }]), { text }],
            },
          }),
      finishReason: geminiFinish[finish],
      index: 0,
    },
  ],
  usageMetadata: geminiUsage,
  modelVersion: "loopback-vlm",
})

const geminiEvents = (answer: VendorAnswer): ReadonlyArray<object> => {
  const [first = "", second = ""] = halves(answer.text)
  const { candidates, ...rest } = geminiWhole({ ...answer, text: second })
  return [
    {
      candidates: [{ content: { role: "model", parts: [{ text: first }] }, index: 0 }],
      modelVersion: "loopback-vlm",
    },
    { candidates, ...rest },
  ].slice(answer.finish === "refusal" ? 1 : 0)
}

const wholes = { chat: chatWhole, responses: responsesWhole, anthropic: anthropicWhole, gemini: geminiWhole }
const events = {
  chat: chatEvents,
  responses: responsesEvents,
  anthropic: anthropicEvents,
  gemini: geminiEvents,
}

/** Server-sent events as the vendor writes them; `cut` leaves out the last ones, as a broken connection does. */
const eventStream = (name: ProtocolName, answer: VendorAnswer, cut: number): string => {
  const all = events[name](answer)
  const named = all.slice(0, all.length - cut).map((event) => {
    const label = "type" in event && name !== "chat" ? `event: ${event.type}\n` : ""
    return `${label}data: ${JSON.stringify(event)}\n\n`
  })
  return named.join("") + (name === "chat" && cut === 0 ? "data: [DONE]\n\n" : "")
}

/** An answer in the vendor's form. */
export const vendorAnswer = (
  name: ProtocolName,
  answer: VendorAnswer,
  { stream = false, cut = 0 }: { readonly stream?: boolean; readonly cut?: number } = {},
): Response =>
  stream
    ? new Response(eventStream(name, answer, cut), { headers: { "content-type": "text/event-stream" } })
    : Response.json(wholes[name](answer))

/** The headers in which a vendor tells how much is allowed in a minute. */
export const vendorLimits = (
  name: ProtocolName,
  { requests, tokens }: { readonly requests: number; readonly tokens: number },
): Readonly<Record<string, string>> => {
  const header = (what: "requests" | "tokens") =>
    name === "anthropic" ? `anthropic-ratelimit-${what}-limit` : `x-ratelimit-limit-${what}`
  return { [header("requests")]: String(requests), [header("tokens")]: String(tokens) }
}

/** What goes wrong at a vendor, with the body and status that it has for that. */
export type VendorFault =
  | "auth"
  | "access"
  | "missing"
  | "quota"
  | "rate"
  | "overloaded"
  | "server"
  | "context"
  | "large"
  | "temperature"

interface Fault {
  readonly status: number
  readonly code: string
  readonly message: string
}

const openAiFaults: Readonly<Record<VendorFault, Fault>> = {
  auth: { status: 401, code: "invalid_api_key", message: "Incorrect API key provided." },
  access: { status: 403, code: "model_not_allowed", message: "Project has no access to model." },
  missing: { status: 404, code: "model_not_found", message: "The model does not exist." },
  quota: { status: 429, code: "insufficient_quota", message: "You exceeded your current quota." },
  rate: { status: 429, code: "rate_limit_exceeded", message: "Rate limit reached for requests." },
  overloaded: { status: 503, code: "server_overloaded", message: "The engine is overloaded." },
  server: { status: 500, code: "server_error", message: "The server had an error." },
  context: {
    status: 400,
    code: "context_length_exceeded",
    message: "This model's maximum context length is 128000 tokens.",
  },
  large: { status: 413, code: "request_too_large", message: "Request entity too large." },
  temperature: {
    status: 400,
    code: "unsupported_value",
    message: "Unsupported value: 'temperature' does not support 0.2 with this model.",
  },
}

const anthropicFaults: Readonly<Record<VendorFault, Fault>> = {
  auth: { status: 401, code: "authentication_error", message: "invalid x-api-key" },
  access: { status: 403, code: "permission_error", message: "Your key is not allowed to use this model." },
  missing: { status: 404, code: "not_found_error", message: "model: claude-nothing" },
  quota: {
    status: 400,
    code: "invalid_request_error",
    message: "Your credit balance is too low to access the Anthropic API.",
  },
  rate: { status: 429, code: "rate_limit_error", message: "This request would exceed your rate limit." },
  overloaded: { status: 529, code: "overloaded_error", message: "Overloaded" },
  server: { status: 500, code: "api_error", message: "Internal server error" },
  context: {
    status: 400,
    code: "invalid_request_error",
    message: "prompt is too long: 210000 tokens > 200000 maximum",
  },
  large: { status: 413, code: "request_too_large", message: "Request exceeds the maximum size" },
  temperature: {
    status: 400,
    code: "invalid_request_error",
    message: "`temperature` is deprecated for this model.",
  },
}

const geminiFaults: Readonly<Record<VendorFault, Fault>> = {
  auth: { status: 400, code: "INVALID_ARGUMENT", message: "API key not valid. Please pass a valid API key." },
  access: {
    status: 403,
    code: "PERMISSION_DENIED",
    message: "You do not have permission to access the model.",
  },
  missing: { status: 404, code: "NOT_FOUND", message: "models/nothing is not found for API version v1beta." },
  quota: { status: 402, code: "FAILED_PRECONDITION", message: "Billing is not enabled." },
  rate: {
    status: 429,
    code: "RESOURCE_EXHAUSTED",
    message: "You exceeded your current quota, please check your plan.",
  },
  overloaded: { status: 503, code: "UNAVAILABLE", message: "The model is overloaded." },
  server: { status: 500, code: "INTERNAL", message: "An internal error has occurred." },
  context: {
    status: 400,
    code: "INVALID_ARGUMENT",
    message: "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
  },
  large: { status: 413, code: "INVALID_ARGUMENT", message: "Request payload too large." },
  temperature: {
    status: 400,
    code: "INVALID_ARGUMENT",
    message: "Invalid value at 'generation_config.temperature'.",
  },
}

/** An error in the vendor's form; a limited rate asks for a wait of `waitSec` in the vendor's way. */
export const vendorFault = (name: ProtocolName, fault: VendorFault, waitSec = 0): Response => {
  if (name === "gemini") {
    const { status, code, message } = geminiFaults[fault]
    const details =
      fault === "rate"
        ? [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: `${waitSec}s` }]
        : []
    return Response.json({ error: { code: status, message, status: code, details } }, { status })
  }
  const headers = fault === "rate" ? { "retry-after": String(waitSec) } : {}
  if (name === "anthropic") {
    const { status, code, message } = anthropicFaults[fault]
    return Response.json(
      { type: "error", error: { type: code, message }, request_id: "req_1" },
      { status, headers },
    )
  }
  const { status, code, message } = openAiFaults[fault]
  const param = fault === "temperature" ? "temperature" : null
  return Response.json(
    { error: { message, type: "invalid_request_error", param, code } },
    { status, headers },
  )
}
