import { completionOf } from "../completion.ts"
import type { Assembly } from "../Protocol.ts"
import { readUsage } from "../usage.ts"
import { contentText, finishWord, readEnvelope, reasoningText, refusalText, usageIn } from "./completion.ts"

/** A chat completion that comes in pieces. */
export const assembleCompletion = (): Assembly => {
  let content = ""
  let refusal = ""
  let reasoning = ""
  let whole = ""
  let finishReason: string | undefined
  let model: unknown
  let usage: unknown
  let serviceTier: unknown
  return {
    add: (chunk) => {
      const envelope = readEnvelope(chunk)
      if (envelope === undefined) return
      const choice = envelope.choices[0]
      model = envelope.model ?? model
      usage = usageIn(envelope) ?? usage
      serviceTier = envelope.service_tier ?? serviceTier
      finishReason = finishWord(choice?.finish_reason) ?? finishReason
      // Some services end with the whole message once more; it counts only where no pieces came.
      whole = choice?.message === undefined ? whole : contentText(choice.message.content)
      if (choice?.delta === undefined) return
      content += contentText(choice.delta.content)
      refusal += refusalText(choice.delta)
      reasoning += reasoningText(choice.delta)
    },
    isBegun: () => content !== "" || reasoning !== "",
    isEnded: () => finishReason !== undefined,
    length: () => content.length + reasoning.length,
    completion: () =>
      completionOf({
        content: content || whole,
        refusal,
        reasoning,
        finishReason,
        model,
        usage: readUsage(usage),
        serviceTier,
      }),
  }
}
