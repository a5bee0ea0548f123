import { describe, expect, test } from "bun:test"
import { type Answer, answerFault } from "../../../src/model/protocols/answer.ts"
import { chat } from "../../../src/model/protocols/chat/chat.ts"
import type { Completion } from "../../../src/model/protocols/completion.ts"
import { noUsage } from "../../../src/model/VisionModel.ts"

const redact = (text: string) => text.replaceAll("secret", "[redacted]")
const usage = { ...noUsage, prompt_tokens: 7, completion_tokens: 3 }

const completion = (changes: Partial<Completion>): Answer => ({
  type: "completion",
  completion: {
    text: "",
    finish: "complete",
    finishReason: "stop",
    refusal: undefined,
    reasoning: "",
    model: "m",
    usage,
    ...changes,
  },
})

const faultOf = (answer: Answer) => answerFault(chat, answer, new Headers(), redact)

describe("a completion", () => {
  test.each<[string, Partial<Completion>]>([
    ["with a text", { text: "{}" }],
    ["that was cut off, even without a text", { finish: "length", finishReason: "length" }],
    ["that filled the context", { text: "{", finish: "context", finishReason: "model_length" }],
  ])("%s is a reply", (_what, changes) => {
    expect(faultOf(completion(changes))).toBeUndefined()
  })

  test.each<[string, Partial<Completion>, "Refused" | "Transient", string]>([
    [
      "that declines",
      { refusal: "I see a secret." },
      "Refused",
      "the model declined to answer: I see a [redacted].",
    ],
    [
      "that a filter stopped",
      { text: "{", finish: "filtered", finishReason: "content_filter" },
      "Refused",
      "the model declined to answer: a content filter stopped it (content_filter)",
    ],
    [
      "that broke off",
      { text: "{}", finish: "failed", finishReason: "error: secret" },
      "Transient",
      "the service broke off its answer (error: [redacted])",
    ],
    ["of nothing", { text: " \n" }, "Transient", "the service answered with an empty message"],
    [
      "of thinking alone",
      { reasoning: "hm" },
      "Transient",
      "the model has thought but written no answer; raise --max-tokens, or switch its thinking off",
    ],
  ])("%s is none, and is paid for", (_what, changes, reason, message) => {
    expect(faultOf(completion(changes))).toMatchObject({ reason, message, mayBePaid: true, usage })
  })
})

test.each([
  ["a secret page", "a [redacted] page"],
  ["", "nothing"],
])("what is no completion (%j) is said to be none, and was not paid for", (text, said) => {
  const fault = faultOf({ type: "other", text })
  expect(fault).toMatchObject({
    reason: "Transient",
    message: `the service answered with something that is not a chat completion; check --api-base. It said: ${said}`,
  })
  expect(fault?.mayBePaid).toBeUndefined()
})

test("an error in disguise is what it says", () => {
  const text = JSON.stringify({ error: { code: 429, message: "slow down" } })
  expect(faultOf({ type: "error", text, isBegun: false })).toMatchObject({ reason: "Throttled" })
})
