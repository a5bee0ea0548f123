import type { Redact } from "../redaction.ts"
import { ModelError } from "../VisionModel.ts"
import type { Completion } from "./completion.ts"
import { statusIn } from "./fault.ts"
import type { Protocol } from "./Protocol.ts"
import { excerpt } from "./said.ts"

/** What came with a status of success: a completion, an error in disguise, or something else. */
export type Answer =
  | { readonly type: "completion"; readonly completion: Completion }
  /** The text of an error object. `isBegun` if it came in the place of the rest of an answer. */
  | { readonly type: "error"; readonly text: string; readonly isBegun: boolean }
  /** As much of a text as is worth showing. */
  | { readonly type: "other"; readonly text: string }

/** An answer without a reply has been worked on, and counted if anything was. */
const paid = ({ usage }: Completion) => ({ mayBePaid: true, usage }) as const

/** Why an answer with a status of success still gives no reply; undefined if it does. */
export const answerFault = (
  { classify, decode }: Pick<Protocol, "classify" | "decode">,
  answer: Answer,
  headers: Headers,
  redact: Redact,
): ModelError | undefined => {
  if (answer.type === "error") {
    const { text, isBegun } = answer
    return classify({ status: statusIn(text), text, headers, isBegun }, redact)
  }
  if (answer.type === "other") {
    const said = excerpt(answer.text, redact) || "nothing"
    const message = `the service answered with something that is not a ${decode.noun}; check --api-base. It said: ${said}`
    return new ModelError({ reason: "Transient", message })
  }
  const { completion } = answer
  const { finish, finishReason = "", reasoning } = completion
  if (completion.refusal !== undefined || finish === "filtered") {
    const why = completion.refusal ?? `a content filter stopped it (${finishReason})`
    const message = `the model declined to answer: ${excerpt(why, redact)}`
    return new ModelError({ reason: "Refused", message, ...paid(completion) })
  }
  if (finish === "failed") {
    const message = `the service broke off its answer (${excerpt(finishReason, redact)})`
    return new ModelError({ reason: "Transient", message, ...paid(completion) })
  }
  if (completion.text.trim() !== "" || finish !== "complete") return undefined
  const message =
    reasoning.trim() === ""
      ? "the service answered with an empty message"
      : "the model has thought but written no answer; raise --max-tokens, or switch its thinking off"
  return new ModelError({ reason: "Transient", message, ...paid(completion) })
}
