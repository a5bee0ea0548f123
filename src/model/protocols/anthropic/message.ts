import * as v from "valibot"
import type { ModelUsage } from "../../VisionModel.ts"
import { type Completion, completionOf, textIn } from "../completion.ts"
import { anything, ifFits } from "../lenient.ts"
import type { Assembly } from "../Protocol.ts"
import { tokenCount } from "../usage.ts"

const blockSchema = v.object({ type: v.string(), text: anything, thinking: anything })
const usageSchema = v.object({
  input_tokens: anything,
  output_tokens: anything,
  cache_creation_input_tokens: anything,
  cache_read_input_tokens: anything,
})
type Usage = Partial<v.InferOutput<typeof usageSchema>>

const messageSchema = v.object({
  type: v.literal("message"),
  model: anything,
  content: v.array(v.unknown()),
  stop_reason: anything,
  usage: ifFits(usageSchema),
})

/** What was counted. The service counts what it took from its cache, and what it put there, apart from the input. */
const readUsage = (usage: Usage): ModelUsage => {
  const input = tokenCount(usage.input_tokens)
  const read = tokenCount(usage.cache_read_input_tokens)
  const written = tokenCount(usage.cache_creation_input_tokens)
  return {
    prompt_tokens: input === null ? null : input + (read ?? 0) + (written ?? 0) || null,
    cached_tokens: read,
    ...(written === null || written === 0 ? {} : { cache_write_tokens: written }),
    completion_tokens: tokenCount(usage.output_tokens),
    reasoning_tokens: null,
  }
}

const blocksIn = (content: ReadonlyArray<unknown>) =>
  content.flatMap((block) => {
    const parsed = v.safeParse(blockSchema, block)
    return parsed.success ? [parsed.output] : []
  })

const declined = "the model's safety measures stopped it"

/** An answer of these parts; a refusal has no words of its own. */
const completionIn = (parts: {
  readonly text: string
  readonly thinking: string
  readonly stopReason: unknown
  readonly model: unknown
  readonly usage: Usage
}): Completion =>
  completionOf({
    content: parts.text,
    refusal: parts.stopReason === "refusal" ? declined : "",
    reasoning: parts.thinking,
    finishReason: textIn(parts.stopReason) || undefined,
    model: parts.model,
    usage: readUsage(parts.usage),
  })

/** Reads a body as a message; undefined if it is none. */
export const parseMessage = (body: unknown): Completion | undefined => {
  const parsed = v.safeParse(messageSchema, body)
  if (!parsed.success) return undefined
  const { content, stop_reason, model, usage = {} } = parsed.output
  const blocks = blocksIn(content)
  return completionIn({
    text: blocks.map(({ type, text }) => (type === "text" ? textIn(text) : "")).join(""),
    thinking: blocks.map(({ type, thinking }) => (type === "thinking" ? textIn(thinking) : "")).join(""),
    stopReason: stop_reason,
    model,
    usage,
  })
}

const eventSchema = v.object({
  type: v.string(),
  message: ifFits(v.object({ model: anything, usage: ifFits(usageSchema) })),
  content_block: ifFits(blockSchema),
  delta: ifFits(v.object({ type: anything, text: anything, thinking: anything, stop_reason: anything })),
  usage: ifFits(usageSchema),
})

/** The counts of two events: those of the later one win where it has them. */
const merged = (before: Usage, after: Usage | undefined): Usage => ({
  ...before,
  ...Object.fromEntries(
    Object.entries(after ?? {}).filter(([, value]) => value !== undefined && value !== null),
  ),
})

/** A message that comes as events. */
export const assembleMessage = (): Assembly => {
  let text = ""
  let thinking = ""
  let stopReason: unknown
  let model: unknown
  let usage: Usage = {}
  return {
    add: (event) => {
      const parsed = v.safeParse(eventSchema, event)
      if (!parsed.success) return
      const { type, message, content_block: block, delta, usage: counted } = parsed.output
      model = message?.model ?? model
      usage = merged(merged(usage, message?.usage), counted)
      if (type === "content_block_start") {
        text += block?.type === "text" ? textIn(block.text) : ""
        thinking += block?.type === "thinking" ? textIn(block.thinking) : ""
      }
      if (type === "content_block_delta") {
        text += textIn(delta?.text)
        thinking += textIn(delta?.thinking)
      }
      if (type === "message_delta") stopReason = delta?.stop_reason ?? stopReason
    },
    isEnded: () => textIn(stopReason) !== "",
    length: () => text.length + thinking.length,
    completion: () => completionIn({ text, thinking, stopReason, model, usage }),
  }
}
