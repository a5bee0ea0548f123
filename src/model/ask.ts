import { Data, Effect } from "effect"
import { type Checked, type Problem, problem, problemLine } from "../plan/problem.ts"
import { parseReply } from "./reply.ts"
import { type ModelReply, type ModelRequest, type ModelTurn, VisionModel } from "./VisionModel.ts"

/** One answer and what the checks made of it. `problems` is empty for the accepted one. */
export interface Attempt {
  /** 1-based. */
  readonly number: number
  readonly reply: ModelReply
  readonly problems: ReadonlyArray<Problem>
}

export interface Answer<A> {
  readonly value: A
  readonly warnings: ReadonlyArray<Problem>
  readonly attempts: ReadonlyArray<Attempt>
}

/** Every allowed attempt was rejected. The replies are in `attempts`, the last one last. */
export class AnswerRejected extends Data.TaggedError("AnswerRejected")<{
  readonly attempts: ReadonlyArray<Attempt>
  readonly message: string
}> {}

const maxProblemsTold = 20

/** The user turn after a rejected answer: at most 20 problems, each a path and a sentence. */
export const reAskText = (problems: ReadonlyArray<Problem>): string => {
  const told = problems.slice(0, maxProblemsTold).map((p) => `- ${problemLine(p)}`)
  const more = problems.length - told.length
  return [
    "Your answer was not accepted. What has to change:",
    "",
    ...told,
    ...(more > 0 ? [`- ... and ${more} more of these kinds`] : []),
    "",
    "Everything else may stay as it is. Answer again with the whole corrected JSON object and nothing else.",
  ].join("\n")
}

const judge = <A>(reply: ModelReply, check: (json: unknown) => Checked<A>): Checked<A> => {
  if (reply.truncated) {
    const message = "the answer was cut off at the token limit; answer in fewer words"
    return { ok: false, problems: [problem("$", "truncated", message)] }
  }
  const parsed = parseReply(reply.text)
  return parsed.ok ? check(parsed.value) : { ok: false, problems: [parsed.problem] }
}

/**
 * Asks, checks, and asks again in the same conversation with the problems found, up to `retries` more times.
 *
 * @param record is run for every attempt, accepted or not, before anything else happens: it keeps the raw reply.
 * @returns the checked value with all attempts; fails with `AnswerRejected` when the last attempt is rejected too, and
 *   with the model's own error when a call ends without a reply.
 */
export const ask = Effect.fn("VisionModel.ask")(function* <A, E, R>(options: {
  readonly request: Omit<ModelRequest, "turns">
  readonly check: (json: unknown) => Checked<A>
  readonly retries: number
  readonly record: (attempt: Attempt) => Effect.Effect<void, E, R>
}) {
  const model = yield* VisionModel
  const attempts: Array<Attempt> = []
  let turns: ReadonlyArray<ModelTurn> = []
  for (let number = 1; ; number++) {
    const reply = yield* model.complete({ ...options.request, turns })
    const verdict = judge(reply, options.check)
    const attempt: Attempt = { number, reply, problems: verdict.ok ? [] : verdict.problems }
    attempts.push(attempt)
    yield* options.record(attempt)
    if (verdict.ok) return { value: verdict.value, warnings: verdict.warnings, attempts } satisfies Answer<A>
    if (number > options.retries) {
      const count = `${verdict.problems.length} problem${verdict.problems.length === 1 ? "" : "s"}`
      const first = verdict.problems[0]
      return yield* new AnswerRejected({
        attempts,
        message: `no valid answer after ${number} attempts; the last one has ${count}${first ? `, first ${problemLine(first)}` : ""}`,
      })
    }
    const told: ModelTurn = { role: "user", text: reAskText(verdict.problems) }
    turns = reply.text.trim() === "" ? [told] : [{ role: "assistant", text: reply.text }, told]
  }
})
