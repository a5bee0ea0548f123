import * as v from "valibot"
import type { ModelUsage } from "../../VisionModel.ts"
import { type Completion, completionOf, textIn } from "../completion.ts"
import { anything, ifFits } from "../lenient.ts"
import type { Assembly } from "../Protocol.ts"
import { tokenCount } from "../usage.ts"

const partSchema = v.object({ text: anything, thought: anything })
const candidateSchema = v.object({
  content: ifFits(v.object({ parts: ifFits(v.array(v.unknown())) })),
  finishReason: anything,
})
const usageSchema = v.object({
  promptTokenCount: anything,
  cachedContentTokenCount: anything,
  candidatesTokenCount: anything,
  thoughtsTokenCount: anything,
})
const bodySchema = v.object({
  candidates: ifFits(v.array(candidateSchema)),
  promptFeedback: ifFits(v.object({ blockReason: anything })),
  usageMetadata: ifFits(usageSchema),
  modelVersion: anything,
})
type Body = v.InferOutput<typeof bodySchema>

/** A body, or a piece of a stream; undefined if it is neither: an answer has candidates, or says why it has none. */
const readBody = (json: unknown): Body | undefined => {
  const parsed = v.safeParse(bodySchema, json)
  if (!parsed.success) return undefined
  const { candidates, promptFeedback, usageMetadata } = parsed.output
  return candidates === undefined && promptFeedback === undefined && usageMetadata === undefined
    ? undefined
    : parsed.output
}

/** What was counted. What was thought is paid for as output, and not part of the candidates' count. */
const readUsage = (usage: Body["usageMetadata"]): ModelUsage | undefined => {
  if (usage === undefined) return undefined
  const written = tokenCount(usage.candidatesTokenCount)
  const thought = tokenCount(usage.thoughtsTokenCount)
  return {
    prompt_tokens: tokenCount(usage.promptTokenCount) || null,
    cached_tokens: tokenCount(usage.cachedContentTokenCount),
    completion_tokens: written === null && thought === null ? null : (written ?? 0) + (thought ?? 0),
    reasoning_tokens: thought,
  }
}

/** Ends that the words of other services do not have. */
const finishWord = (reason: string): string => (reason === "OTHER" ? "failed: OTHER" : reason)

/** An answer in pieces, or in one: they have the same form. */
export const assembleContent = (): Assembly => {
  let text = ""
  let thinking = ""
  let finishReason = ""
  let blocked = ""
  let model: unknown
  let usage: Body["usageMetadata"]
  return {
    add: (piece) => {
      const body = readBody(piece)
      if (body === undefined) return
      const [candidate] = body.candidates ?? []
      for (const part of candidate?.content?.parts ?? []) {
        const parsed = v.safeParse(partSchema, part)
        if (!parsed.success) continue
        if (parsed.output.thought === true) thinking += textIn(parsed.output.text)
        else text += textIn(parsed.output.text)
      }
      finishReason = textIn(candidate?.finishReason) || finishReason
      blocked = textIn(body.promptFeedback?.blockReason) || blocked
      model = body.modelVersion ?? model
      usage = body.usageMetadata ?? usage
    },
    isEnded: () => finishReason !== "" || blocked !== "",
    length: () => text.length + thinking.length,
    completion: () =>
      completionOf({
        content: text,
        refusal: blocked === "" ? "" : `a filter stopped the prompt (${blocked})`,
        reasoning: thinking,
        finishReason: finishReason === "" ? undefined : finishWord(finishReason),
        model,
        usage: readUsage(usage),
      }),
  }
}

/** Reads a body as generated content; undefined if it is none. */
export const parseContent = (body: unknown): Completion | undefined => {
  if (readBody(body) === undefined) return undefined
  const assembly = assembleContent()
  assembly.add(body)
  return assembly.completion()
}
