import { expect, test } from "bun:test"
import { Either } from "effect"
import { isContextFull } from "../../../src/model/client/context-full.ts"
import { firstDialect } from "../../../src/model/client/parameters.ts"
import { chat } from "../../../src/model/protocols/chat/chat.ts"
import type { Completion } from "../../../src/model/protocols/completion.ts"
import { noUsage } from "../../../src/model/VisionModel.ts"
import { startChatServer } from "../../support/chat-server.ts"
import { callModel } from "../../support/model-call.ts"

/** An answer of 400 tokens to a prompt of 1000, cut off. */
const completion: Completion = {
  text: "word".repeat(400),
  finish: "length",
  finishReason: "length",
  refusal: undefined,
  reasoning: "",
  model: undefined,
  usage: { ...noUsage, prompt_tokens: 1000, completion_tokens: 400 },
}

const isFull = (
  changes: Partial<Completion>,
  limit: { readonly max_tokens?: number; readonly max_completion_tokens?: number } = { max_tokens: 2000 },
) => {
  const dialect = firstDialect({ protocol: chat, family: {} }, "auto", false)
  const maxTokens = limit.max_tokens ?? limit.max_completion_tokens
  const tokenLimit = limit.max_tokens === undefined ? "max_completion_tokens" : "max_tokens"
  const shared = { tokenLimit, format: "none", stream: false, streamOptions: false } as const
  const parameters = { ...shared, ...(maxTokens === undefined ? {} : { maxTokens }) }
  return isContextFull(
    { ...completion, ...changes },
    { dialect, format: "none", parameters, kind: "", adjusted: [] },
  )
}

const counted = (prompt: number | null, written: number | null, thought: number | null = null) => ({
  usage: { ...noUsage, prompt_tokens: prompt, completion_tokens: written, reasoning_tokens: thought },
})

test("an answer cut off well before its limit fills the context, under either name of the limit", () => {
  expect(isFull({})).toBe(true)
  expect(isFull({}, { max_completion_tokens: 2000 })).toBe(true)
  expect(isFull({}, {})).toBe(false)
  expect(isFull({}, { max_tokens: 445 })).toBe(true)
  expect(isFull({}, { max_tokens: 444 })).toBe(false)
  expect(isFull(counted(1000, 400, 45), { max_tokens: 494 })).toBe(false)
  expect(isFull(counted(1000, 400, 44), { max_tokens: 494 })).toBe(true)
})

test("a service that says so is believed, and an answer that was not cut off fills nothing", () => {
  expect(isFull({ finish: "context", ...counted(null, null) }, {})).toBe(true)
  expect(isFull({ finish: "complete" })).toBe(false)
  expect(isFull(counted(1000, null))).toBe(false)
})

test("a count that does not fit the text tells nothing, unless prompt and answer fill a context", () => {
  // 400 tokens by the text: from 400 / 3 - 16 to 400 * 3 + 16 is credible.
  expect(isFull(counted(null, 118))).toBe(true)
  expect(isFull(counted(null, 117))).toBe(false)
  expect(isFull(counted(null, 1216))).toBe(true)
  expect(isFull(counted(null, 1217))).toBe(false)
  expect(isFull({ ...counted(null, 117), text: "word".repeat(200), reasoning: "word".repeat(199) })).toBe(
    true,
  )
  expect([1015, 1016, 1024, 1032, 1033].map((sum) => isFull(counted(sum - 5, 5)))).toEqual([
    false,
    true,
    true,
    true,
    false,
  ])
  expect(isFull(counted(3, 5))).toBe(false)
  expect(isFull(counted(4, 5))).toBe(false)
})

test("a reply says so of itself", async () => {
  const answering = (finish_reason: string) => () =>
    Response.json({ choices: [{ index: 0, finish_reason, message: { content: "{" } }] })
  for (const [word, contextFull] of [
    ["model_length", true],
    ["length", undefined],
  ] as const) {
    await using server = startChatServer({ behave: answering(word) })
    const { result } = await callModel(server.url)
    expect(Either.isRight(result) && result.right.truncated).toBe(true)
    expect(Either.isRight(result) && result.right.contextFull).toBe(contextFull)
  }
})
