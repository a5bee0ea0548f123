import { describe, expect, test } from "bun:test"
import { type ProtocolName, protocolNames, protocols } from "../../../src/model/protocols/protocols.ts"
import { vendorAnswer } from "../../support/vendor-answers.ts"

/** Pieces of an answer: five letters of thinking, then three of text, as each vendor streams them. */
const pieces: Readonly<Record<ProtocolName, readonly [thinking: object, text: object]>> = {
  chat: [
    { choices: [{ index: 0, delta: { reasoning_content: "think" } }] },
    { choices: [{ index: 0, delta: { content: "say" } }] },
  ],
  responses: [
    { type: "response.reasoning_summary_text.delta", delta: "think" },
    { type: "response.output_text.delta", delta: "say" },
  ],
  anthropic: [
    { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "think" } },
    { type: "content_block_delta", index: 1, delta: { type: "text_delta", text: "say" } },
  ],
  gemini: [
    { candidates: [{ content: { parts: [{ text: "think", thought: true }] } }] },
    { candidates: [{ content: { parts: [{ text: "say" }] } }] },
  ],
}

test.each([...protocolNames])(
  "an answer of %s that comes in pieces is as long as all that the model writes, thinking and text",
  (name) => {
    const [thinking, text] = pieces[name]
    const assembly = protocols[name].decode.stream()
    const seen = () => [assembly.length(), assembly.isEnded()]
    expect(seen()).toEqual([0, false])
    assembly.add(thinking)
    expect(seen()).toEqual([5, false])
    assembly.add(text)
    expect(seen()).toEqual([8, false])
    expect(assembly.completion()).toMatchObject({ text: "say", reasoning: "think" })
  },
)

test("the beginning of a block of Anthropic's may hold some of it already, and a block of another kind holds nothing", () => {
  const assembly = protocols.anthropic.decode.stream()
  const begin = (content_block: object) =>
    assembly.add({ type: "content_block_start", index: 0, content_block })
  begin({ type: "thinking", thinking: "thi", text: "no" })
  assembly.add({ type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "nk" } })
  begin({ type: "text", text: "s", thinking: "no" })
  assembly.add({ type: "content_block_delta", index: 1, delta: { type: "text_delta", text: "ay" } })
  begin({ type: "tool_use", text: "no", thinking: "no" })
  expect(assembly.completion()).toMatchObject({ text: "say", reasoning: "think" })
  expect(assembly.length()).toBe(8)
})

test("what is refused in pieces is no text of a response, and other events hold neither", () => {
  const assembly = protocols.responses.decode.stream()
  for (const type of [
    "response.created",
    "response.output_item.added",
    "response.function_call_arguments.delta",
  ])
    assembly.add({ type, delta: "no" })
  expect(assembly.length()).toBe(0)
  assembly.add({ type: "response.refusal.delta", delta: "I can" })
  assembly.add({ type: "response.refusal.delta", delta: "not." })
  expect(assembly.length()).toBe(9)
  expect(assembly.completion()).toMatchObject({ text: "", reasoning: "", refusal: "I cannot." })
})

describe.each([...protocolNames])("an answer of %s", (name) => {
  const answer = { text: '{"goal": "x"}', thinking: "hm" }
  const bodyOf = (vendor: ProtocolName): Promise<unknown> => vendorAnswer(vendor, answer).json()

  test("in one piece is read, and one of another protocol is none", async () => {
    const { whole } = protocols[name].decode
    // What is thought beside an answer has no place in a chat completion, as the vendor writes it.
    const reasoning = name === "chat" ? "" : answer.thinking
    expect(whole(await bodyOf(name))).toMatchObject({ text: answer.text, reasoning, model: "loopback-vlm" })
    for (const other of protocolNames)
      if (other !== name) expect([other, whole(await bodyOf(other))]).toEqual([other, undefined])
  })

  test("says the same in pieces", async () => {
    const { stream, whole } = protocols[name].decode
    const assembly = stream()
    const pieces = await vendorAnswer(name, { text: answer.text }, { stream: true }).text()
    for (const [, data = ""] of pieces.matchAll(/^data: (\{.*)$/gmu)) assembly.add(JSON.parse(data))
    const { text, finish, model, usage } = assembly.completion()
    expect(whole(await bodyOf(name))).toMatchObject({ text, finish, model, usage })
    expect(assembly.isEnded()).toBe(true)
  })
})

test.each<[string, object, string | undefined]>([
  ["queued", {}, undefined],
  ["in_progress", {}, undefined],
  ["completed", {}, "completed"],
  ["cancelled", {}, "cancelled"],
  ["incomplete", { incomplete_details: { reason: "max_output_tokens" } }, "max_output_tokens"],
  ["incomplete", {}, "incomplete"],
  ["failed", { error: { code: "server_error" } }, "failed: server_error"],
  ["failed", {}, "failed: no reason given"],
])("a response that is %s, with %j, has ended so", (status, more, finishReason) => {
  const body = { object: "response", status, output: [], ...more }
  expect(protocols.responses.decode.whole(body)?.finishReason).toBe(finishReason)
})
