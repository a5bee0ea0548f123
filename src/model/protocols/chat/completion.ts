import * as v from "valibot"
import { type Completion, completionOf, textIn } from "../completion.ts"
import { anything, ifFits } from "../lenient.ts"
import { readUsage } from "../usage.ts"

const messageSchema = v.object({
  content: anything,
  refusal: anything,
  reasoning_content: anything,
  reasoning: anything,
  tool_calls: anything,
  function_call: anything,
})
export type Message = v.InferOutput<typeof messageSchema>

const choiceSchema = v.object({
  index: anything,
  finish_reason: anything,
  message: ifFits(messageSchema),
  delta: ifFits(messageSchema),
  text: anything,
  error: anything,
  usage: anything,
})
export type Choice = v.InferOutput<typeof choiceSchema>

const completionSchema = v.object({
  model: anything,
  choices: v.array(choiceSchema),
  usage: anything,
  error: anything,
  service_tier: anything,
  x_groq: ifFits(v.object({ usage: anything })),
})
type Envelope = v.InferOutput<typeof completionSchema>

/** A completion, or a piece of one, as far as it has the expected form; undefined if it has no list of choices. */
export const readEnvelope = (body: unknown): Envelope | undefined => {
  const parsed = v.safeParse(completionSchema, body)
  return parsed.success ? parsed.output : undefined
}

/** The number of a choice, which is left out where there is only one. */
export const choiceNumber = ({ index }: Choice): number => (typeof index === "number" ? index : 0)

/** What was counted: beside the choices, or in the two other places that services have for it. */
export const usageIn = ({ usage, choices, x_groq }: Envelope): unknown =>
  usage ?? choices[0]?.usage ?? x_groq?.usage

/** How a choice says that it ended; undefined while it goes on. Some services write `null` as a word. */
export const finishWord = (value: unknown): string | undefined => {
  const word = textIn(value)
  return word === "" || word === "null" ? undefined : word
}

/** What says of itself that it is a part of the content. */
const markedSchema = v.union([v.object({ type: v.string() }), v.object({ text: v.string() })])
const partSchema = v.object({ type: v.optional(v.string(), "text"), text: v.string() })

/** A value as JSON; empty if it is nested deeper than can be written, as no answer is. */
const written = (value: unknown): string => {
  try {
    return JSON.stringify(value)
  } catch {
    return ""
  }
}

/** The same for a value in a place where a text belongs: some services send the answer's object itself. */
const textOrObject = (value: unknown): string =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? written(value) : textIn(value)

/**
 * A message's content: a text, a list of parts of which the texts count, or an object that is the answer. Parts of thinking
 * are none of the answer.
 */
export const contentText = (content: unknown): string => {
  const parts: ReadonlyArray<unknown> = Array.isArray(content) ? content : [content]
  if (!Array.isArray(content) && !v.is(markedSchema, content)) return textOrObject(content)
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

const callSchema = v.object({ arguments: v.unknown() })
const toolsSchema = v.array(v.object({ index: v.optional(v.number(), 0), function: callSchema }))

/**
 * What a message hands to a function, or a piece of it. No functions are offered; some services make one of the JSON schema
 * that is asked for, and give the answer as what it is called with.
 */
export const calledWith = ({ tool_calls, function_call }: Message): string => {
  const tools = v.safeParse(toolsSchema, tool_calls)
  const first = tools.success ? tools.output.find(({ index }) => index === 0)?.function : undefined
  const call = v.safeParse(callSchema, first ?? function_call)
  return call.success ? textOrObject(call.output.arguments) : ""
}

const messageIn = ({ message, delta, text }: Choice): Message | undefined =>
  message ?? delta ?? (typeof text === "string" ? { content: text } : undefined)

/** Reads a choice as a completion; undefined if it has no message. */
const readChoice = (choice: Choice, envelope: Envelope): Completion | undefined => {
  const message = messageIn(choice)
  if (message === undefined) return undefined
  return completionOf({
    content: contentText(message.content) || calledWith(message),
    refusal: refusalText(message),
    reasoning: reasoningText(message),
    finishReason: finishWord(choice.finish_reason),
    model: envelope.model,
    usage: readUsage(usageIn(envelope)),
    serviceTier: envelope.service_tier,
  })
}

/**
 * Reads a response body as a chat completion; undefined if it is none (a page, an error object, no choices). Of several
 * choices, which nobody asked for, it is the first by number that holds a text.
 */
export const parseCompletion = (body: unknown): Completion | undefined => {
  const envelope = readEnvelope(body)
  if (envelope === undefined) return undefined
  const completions = envelope.choices
    .toSorted((a, b) => choiceNumber(a) - choiceNumber(b))
    .flatMap((choice) => readChoice(choice, envelope) ?? [])
  return completions.find(({ text }) => text.trim() !== "") ?? completions[0]
}
