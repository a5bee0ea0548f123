import * as v from "valibot"
import { type Completion, completionOf, textIn } from "../completion.ts"
import { readUsage } from "../usage.ts"

const unknown = v.optional(v.unknown())
const messageSchema = v.object({
  content: unknown,
  refusal: unknown,
  reasoning_content: unknown,
  reasoning: unknown,
})
export type Message = v.InferOutput<typeof messageSchema>

const choiceSchema = v.object({
  finish_reason: unknown,
  message: v.fallback(v.optional(messageSchema), undefined),
  delta: v.fallback(v.optional(messageSchema), undefined),
  error: unknown,
  usage: unknown,
})

const completionSchema = v.object({
  model: unknown,
  choices: v.array(choiceSchema),
  usage: unknown,
  error: unknown,
  service_tier: unknown,
  x_groq: v.fallback(v.optional(v.object({ usage: unknown })), undefined),
})
type Envelope = v.InferOutput<typeof completionSchema>

/** A completion, or a piece of one, as far as it has the expected form; undefined if it has no list of choices. */
export const readEnvelope = (body: unknown): Envelope | undefined => {
  const parsed = v.safeParse(completionSchema, body)
  return parsed.success ? parsed.output : undefined
}

/** What was counted: beside the choices, or in the two other places that services have for it. */
export const usageIn = ({ usage, choices, x_groq }: Envelope): unknown =>
  usage ?? choices[0]?.usage ?? x_groq?.usage

/** How a choice says that it ended; undefined while it goes on. Some services write `null` as a word. */
export const finishWord = (value: unknown): string | undefined => {
  const word = textIn(value)
  return word === "" || word === "null" ? undefined : word
}

const partSchema = v.object({ type: v.optional(v.string(), "text"), text: v.string() })

/** A message's content: a text, or a list of parts of which the texts count. Parts of thinking are none of the answer. */
export const contentText = (content: unknown): string => {
  const parts: ReadonlyArray<unknown> = Array.isArray(content) ? content : [content]
  return parts
    .map((part) => {
      if (typeof part === "string") return part
      const parsed = v.safeParse(partSchema, part)
      return parsed.success && /text/iu.test(parsed.output.type) ? parsed.output.text : ""
    })
    .join("")
}

const refusalSchema = v.object({ type: v.literal("refusal"), refusal: v.string() })

/** Why the model declined, in the field for it or as a part of the content; empty if it did not. */
export const refusalText = ({ refusal, content }: Message): string => {
  const parts: ReadonlyArray<unknown> = Array.isArray(content) ? content : []
  const declined = parts.flatMap((part) => {
    const parsed = v.safeParse(refusalSchema, part)
    return parsed.success ? [parsed.output.refusal] : []
  })
  return textIn(refusal) + declined.join("")
}

/** What was thought, under either of the usual names. */
export const reasoningText = ({ reasoning_content, reasoning }: Message): string =>
  textIn(reasoning_content) || textIn(reasoning)

/** Reads a response body as a chat completion; undefined if it is none (a page, an error object, no choices). */
export const parseCompletion = (body: unknown): Completion | undefined => {
  const envelope = readEnvelope(body)
  const choice = envelope?.choices[0]
  const message = choice?.message ?? choice?.delta
  if (envelope === undefined || message === undefined) return undefined
  return completionOf({
    content: contentText(message.content),
    refusal: refusalText(message),
    reasoning: reasoningText(message),
    finishReason: finishWord(choice?.finish_reason),
    model: envelope.model,
    usage: readUsage(usageIn(envelope)),
    serviceTier: envelope.service_tier,
  })
}
