import * as v from "valibot"
import type { ModelUsage } from "../../VisionModel.ts"
import { type Finish, finishOf } from "../finish.ts"
import { readUsage } from "../usage.ts"

/** The parts of a chat completion that matter here. */
export interface Completion {
  readonly text: string
  readonly finish: Finish
  /** The service's own word for how it ended. */
  readonly finishReason: string | undefined
  /** Absent if the model did not decline. */
  readonly refusal: string | undefined
  /** What a thinking model wrote beside its answer; empty if nothing. */
  readonly reasoning: string
  readonly model: string | undefined
  readonly usage: ModelUsage
}

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
  x_groq: v.fallback(v.optional(v.object({ usage: unknown })), undefined),
})
type Envelope = v.InferOutput<typeof completionSchema>

/** A completion, or a piece of one, as far as it has the expected form; undefined if it has no list of choices. */
export const readEnvelope = (body: unknown): Envelope | undefined => {
  const parsed = v.safeParse(completionSchema, body)
  return parsed.success ? parsed.output : undefined
}

const errorSchema = v.looseObject({ error: unknown, errors: unknown, choices: unknown })
const plainErrorSchema = v.union([
  v.object({ object: v.literal("error") }),
  v.object({ type: v.literal("error") }),
  v.object({ message: v.string(), code: v.union([v.string(), v.number()]) }),
  v.object({ msg: v.string(), code: v.union([v.string(), v.number()]) }),
  v.object({ error_code: v.unknown() }),
  v.object({ detail: v.unknown() }),
  v.object({ base_resp: v.object({ status_code: v.pipe(v.number(), v.notValue(0)) }) }),
])

const isThere = (value: unknown): boolean => value !== undefined && value !== null && value !== ""

/** Whether a body, or a piece of a stream, is an error in any of the usual forms, in whatever place. */
export const isErrorObject = (body: unknown): boolean => {
  if (Array.isArray(body)) return body.length > 0 && isErrorObject(body[0])
  const parsed = v.safeParse(errorSchema, body)
  if (!parsed.success) return false
  const { error, errors, choices } = parsed.output
  if (isThere(error) || isThere(errors)) return true
  if (Array.isArray(choices) && choices.length > 0) return isThere(readEnvelope(body)?.choices[0]?.error)
  return v.is(plainErrorSchema, body)
}

/** What was counted: beside the choices, or in the two other places that services have for it. */
export const usageIn = ({ usage, choices, x_groq }: Envelope): unknown =>
  usage ?? choices[0]?.usage ?? x_groq?.usage

export const textIn = (value: unknown): string => (typeof value === "string" ? value : "")

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

/** A message that is complete, with what belongs to it. */
export interface Parts {
  readonly content: string
  readonly refusal: string
  readonly reasoning: string
  readonly finishReason: string | undefined
  readonly model: unknown
  readonly usage: unknown
}

/** Whether a text may hold an answer: all answers are JSON objects. */
const mayHoldAnswer = (text: string): boolean => text.includes("{") && text.includes("}")

/**
 * Makes a completion of its parts. An answer that stands in the thinking alone, where some services put it by mistake, is
 * taken from there: it has been paid for, and the checks will tell what it is worth.
 */
export const completionOf = (parts: Parts): Completion => {
  const { content, reasoning, finishReason } = parts
  const finish = finishOf(finishReason)
  const usage = readUsage(parts.usage)
  const isUncounted = usage.completion_tokens === 0 && content.length + reasoning.length > 0
  const isElsewhere = content.trim() === "" && finish === "complete" && mayHoldAnswer(reasoning)
  return {
    text: isElsewhere ? reasoning : content,
    finish,
    finishReason,
    // Some services send an empty refusal with every answer.
    refusal: content.trim() === "" && parts.refusal.trim() !== "" ? parts.refusal : undefined,
    reasoning,
    model: textIn(parts.model) || undefined,
    usage: isUncounted ? { ...usage, completion_tokens: null } : usage,
  }
}

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
    usage: usageIn(envelope),
  })
}
