import { expect, test } from "bun:test"
import type OpenAI from "openai"
import { chatParameters } from "../../../src/model/protocols/chat/body.ts"
import type { Parameters } from "../../../src/model/protocols/Protocol.ts"
import { responsesBody } from "../../../src/model/protocols/responses/body.ts"
import { strictRequest } from "../../support/model-call.ts"

const parameters: Parameters = {
  temperature: 0.2,
  maxTokens: 900,
  tokenLimit: "max_completion_tokens",
  format: "json_schema",
  stream: false,
  streamOptions: false,
}

const request = {
  ...strictRequest,
  images: [{ label: "Frame 1", path: "/a.jpg", bytes: 1, sha256: "", width: 8, height: 8 }],
  turns: [{ role: "assistant" as const, text: "{}" }],
}

/** Words that each model has its own of; the vendor's types list those of today. */
type OpenWords = "reasoning" | "service_tier" | "stream"

type ResponsesParams = Omit<OpenAI.Responses.ResponseCreateParamsNonStreaming, OpenWords>

test("the body of a response has the types of the vendor's own SDK", () => {
  const body = responsesBody("gpt-5", request, { ...parameters, cache: "prompt" }, (index) => `slot ${index}`)
  // The compiler checks this; a field that the SDK does not have, or has with another type, does not compile.
  const { reasoning, service_tier, stream, text, ...fixed } = body
  const typed: ResponsesParams = {
    ...fixed,
    input: fixed.input.map((item) =>
      typeof item.content === "string"
        ? { role: item.role, content: item.content }
        : {
            role: item.role,
            content: item.content.map((part) =>
              part.type === "input_text" ? part : { ...part, detail: "auto" as const },
            ),
          },
    ),
  }
  expect(typed.input).toHaveLength(2)
  expect(typed.prompt_cache_options).toEqual({ mode: "explicit" })
  expect([reasoning, service_tier, stream]).toEqual([undefined, undefined, undefined])
  expect(text).toMatchObject({ format: { type: "json_schema", strict: true } })
})

test("the parameters of a chat completion are ones that the vendor's SDK has", () => {
  const sent = chatParameters(
    {
      ...parameters,
      cache: "nothing",
      effort: "low",
      serviceTier: "flex",
      stream: true,
      streamOptions: true,
    },
    request,
  )
  const known: Readonly<Partial<Record<keyof OpenAI.ChatCompletionCreateParams, true>>> = {
    temperature: true,
    max_tokens: true,
    max_completion_tokens: true,
    reasoning_effort: true,
    service_tier: true,
    prompt_cache_options: true,
    stream: true,
    stream_options: true,
    response_format: true,
  }
  expect(Object.keys(sent).filter((name) => !Object.hasOwn(known, name))).toEqual([])
  expect(Object.keys(sent)).toHaveLength(8)
})
