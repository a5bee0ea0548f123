import { type ModelUsage, noUsage } from "../VisionModel.ts"
import { type Finish, finishOf } from "./finish.ts"

/** An answer, whatever protocol it came in. */
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
  /** The kind of service that it was served with, and is paid for; absent where the service does not say. */
  readonly serviceTier?: string
}

/** A message that is complete, with what belongs to it. */
export interface Parts {
  readonly content: string
  readonly refusal: string
  readonly reasoning: string
  readonly finishReason: string | undefined
  readonly model: unknown
  readonly usage: ModelUsage | undefined
  readonly serviceTier?: unknown
}

export const textIn = (value: unknown): string => (typeof value === "string" ? value : "")

/** Whether a text may hold an answer: all answers are JSON objects. */
const mayHoldAnswer = (text: string): boolean => text.includes("{") && text.includes("}")

/**
 * Makes a completion of its parts. An answer that stands in the thinking alone, where some services put it by mistake, is
 * taken from there: it has been paid for, and the checks will tell what it is worth.
 */
export const completionOf = (parts: Parts): Completion => {
  const { content, reasoning, finishReason, usage = noUsage } = parts
  const finish = finishOf(finishReason)
  const isUncounted = usage.completion_tokens === 0 && content.length + reasoning.length > 0
  const serviceTier = textIn(parts.serviceTier)
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
    ...(serviceTier === "" ? {} : { serviceTier }),
  }
}
