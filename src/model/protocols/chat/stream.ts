import { completionOf } from "../completion.ts"
import type { Assembly } from "../Protocol.ts"
import { readUsage } from "../usage.ts"
import {
  calledWith,
  choiceNumber,
  contentText,
  finishWord,
  readEnvelope,
  reasoningText,
  refusalText,
  usageIn,
} from "./completion.ts"

/** A chat completion that comes in pieces. */
export const assembleCompletion = (): Assembly => {
  let content = ""
  let refusal = ""
  let reasoning = ""
  let whole = ""
  let called = ""
  let chosen: number | undefined
  let finishReason: string | undefined
  let model: unknown
  let usage: unknown
  let serviceTier: unknown
  return {
    add: (chunk) => {
      const envelope = readEnvelope(chunk)
      if (envelope === undefined) return
      const { choices } = envelope
      // Pieces of several choices, which nobody asked for, come mixed; the first by number of those that come first is read.
      if (choices.length > 0) chosen ??= Math.min(...choices.map(choiceNumber))
      const choice = choices.find((one) => choiceNumber(one) === chosen)
      model = envelope.model ?? model
      usage = usageIn(envelope) ?? usage
      serviceTier = envelope.service_tier ?? serviceTier
      finishReason = finishWord(choice?.finish_reason) ?? finishReason
      // Some services end with the whole message once more; it counts only where no pieces came.
      whole =
        choice?.message === undefined
          ? whole
          : contentText(choice.message.content) || calledWith(choice.message)
      if (choice?.delta === undefined) return
      content += contentText(choice.delta.content)
      called += calledWith(choice.delta)
      refusal += refusalText(choice.delta)
      reasoning += reasoningText(choice.delta)
    },
    isEnded: () => finishReason !== undefined,
    length: () => content.length + called.length + reasoning.length,
    completion: () =>
      completionOf({
        content: content || whole || called,
        refusal,
        reasoning,
        finishReason,
        model,
        usage: readUsage(usage),
        serviceTier,
      }),
  }
}
