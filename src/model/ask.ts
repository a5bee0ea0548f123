import { Data, Effect } from "effect"
import { type Checked, countProblems, type Problem, problem, problemLine } from "../plan/problem.ts"
import { isPatchable, mergePatch, patchInstruction } from "./patch.ts"
import { parseReply } from "./reply.ts"
import { requestDigest } from "./request.ts"
import { textTokens } from "./tokens.ts"
import {
  ModelError,
  type ModelReply,
  type ModelRequest,
  type ModelTurn,
  type RepairMode,
  VisionModel,
} from "./VisionModel.ts"

/** One answer, before it is looked at. */
export interface Unjudged {
  /** 1-based. */
  readonly number: number
  readonly reply: ModelReply
  /** Digest of the request, the same for the same request at any time. */
  readonly requestSha256: string
  /** Found on disk from an earlier run, not asked for again. */
  readonly recalled: boolean
}

/** One answer and what the checks made of it. */
export interface Attempt extends Unjudged {
  /** Empty for the accepted answer. */
  readonly problems: ReadonlyArray<Problem>
  /** Nothing follows: accepted, or given up on. */
  readonly isLast: boolean
  /** Slips of the pen were corrected before it could be read. */
  readonly repaired: boolean
  /** The answer corrects fields of the one before. */
  readonly isPatch: boolean
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

const maxProblemsListed = 20
/** A longer answer is not sent back with what is wrong with it: it costs much and shows the model its own maze. */
const longestShown = 100_000
const smallestRaisedLimit = 8192

const wholeInstruction =
  "Everything else may stay as it is. Answer again with the whole corrected JSON object and nothing else."

/** The user turn after a rejected answer: at most 20 problems, each a path and a sentence, and how to correct them. */
export const reAskText = (problems: ReadonlyArray<Problem>, mode: RepairMode): string => {
  const listed = problems.slice(0, maxProblemsListed).map((p) => `- ${problemLine(p)}`)
  const more = countProblems(problems) - listed.length
  return [
    "Your answer was not accepted. What has to change:",
    "",
    ...listed,
    ...(more > 0 ? [`- ... and ${more} more of these kinds`] : []),
    "",
    mode === "patch" ? patchInstruction : wholeInstruction,
  ].join("\n")
}

/** A rejected answer as the next attempt builds on it. */
interface Base {
  readonly value: object
  readonly problems: ReadonlyArray<Problem>
}

/** What may be said to correct an answer. */
interface Way {
  readonly turns: ReadonlyArray<ModelTurn>
  /** Only some fields are asked for. */
  readonly isPartial: boolean
}

interface Verdict<A> {
  readonly checked: Checked<A>
  /** What the answer amounts to, patches merged; undefined if no object could be taken from it. */
  readonly base: Base | undefined
  readonly repaired: boolean
  readonly isPatch: boolean
}

/** What the problems' paths lead into: the answer with what has one meaning rewritten, if the check rewrites anything. */
const inputOf = (rejected: { readonly input?: unknown }, answer: object): object =>
  typeof rejected.input === "object" && rejected.input !== null ? rejected.input : answer

const judge = <A>(
  reply: ModelReply,
  base: Base | undefined,
  check: (json: unknown) => Checked<A>,
): Verdict<A> => {
  const unusable = (p: Problem): Verdict<A> => ({
    checked: { ok: false, problems: [p] },
    base: undefined,
    repaired: false,
    isPatch: false,
  })
  if (reply.truncated) return unusable(problem("$", "truncated", "the answer was cut off at the token limit"))
  const parsed = parseReply(reply.text)
  if (!parsed.ok) return unusable(parsed.problem)
  const merged = base === undefined ? undefined : mergePatch(base.value, parsed.value, base.problems)
  if (merged?.ok === false) return unusable(merged.problem)
  const value = merged?.value ?? parsed.value
  const checked = check(value)
  return {
    checked,
    base: checked.ok
      ? { value, problems: [] }
      : { value: inputOf(checked, value), problems: checked.problems },
    repaired: parsed.repaired === true,
    isPatch: merged?.wasPatch === true,
  }
}

const countText = (count: number): string => (count === 1 ? "1 problem" : `${count} problems`)

const givenUp = (attempts: ReadonlyArray<Attempt>, problems: ReadonlyArray<Problem>): AnswerRejected => {
  const [first] = problems
  return new AnswerRejected({
    attempts,
    message: `no valid answer after ${attempts.length} attempts; the last one has ${countText(countProblems(problems))}${first ? `, first ${problemLine(first)}` : ""}`,
  })
}

const raisedLimit = (reply: ModelReply, current: number | null | undefined): number =>
  Math.max(smallestRaisedLimit, 2 * (current ?? reply.usage.completion_tokens ?? 0))

/** Why an answer that was cut off is given up on. */
const cutOff = ({ contextFull, usage }: ModelReply, limit: number | undefined): ModelError => {
  if (contextFull !== true) {
    const message = `the answer was cut off at the token limit, also at ${limit} tokens; raise --max-tokens`
    return new ModelError({ reason: "Truncated", message })
  }
  const { prompt_tokens: prompt, completion_tokens: written } = usage
  const figures =
    prompt === null || written === null ? "" : ` (${prompt} tokens of prompt, ${written} of answer)`
  const message = `the answer was cut off before its token limit: the model's context is full, or it writes no more${figures}; send fewer images with --max-frames, or choose a model, or a setting of its server, with a larger context`
  return new ModelError({ reason: "ContextFull", message })
}

/** The service does not take the limit that was raised because an answer was cut off. */
const limitRefused = <E>(error: E): E | ModelError =>
  error instanceof ModelError && error.rejection === "token_limit"
    ? new ModelError({
        reason: "Truncated",
        message: `the answer was cut off at the token limit, and the model takes no higher one: ${error.message}`,
      })
    : error

/**
 * Asks, checks, and asks again in the same conversation with the problems found, up to `retries` more times. System,
 * pictures and prompt stay the same to the byte, then come the last bad answer and what is wrong with it. An answer that
 * was cut off is asked for once more with a higher limit, which does not count as a retry.
 *
 * @param recall gives the reply to this very request if an earlier run has received it
 * @param keep is run for every reply before anything else happens, whatever interrupts: it puts the reply on disk
 * @param record is run for every attempt once it is judged, accepted or not
 * @returns the checked value with all attempts; fails with `AnswerRejected` when the last attempt is rejected too, and
 *   with the model's own error when a call ends without a reply
 */
export const ask = Effect.fn("VisionModel.ask")(function* <A, E, R, E2, R2>(options: {
  readonly request: Omit<ModelRequest, "turns" | "attempt" | "maxTokens">
  readonly check: (json: unknown) => Checked<A>
  readonly retries: number
  /** `auto` is what costs less, as far as that is known. */
  readonly repair: "auto" | RepairMode
  readonly recall: (requestSha256: string, attempt: number) => Effect.Effect<ModelReply | undefined, E2, R2>
  readonly keep: (reply: Unjudged) => Effect.Effect<void, E, R>
  readonly record: (attempt: Attempt) => Effect.Effect<void, E, R>
}) {
  const model = yield* VisionModel
  const attempts: Array<Attempt> = []
  /** What may be said next, the preferred first: an earlier run may have preferred another. */
  let ways: readonly [Way, ...ReadonlyArray<Way>] = [{ turns: [], isPartial: false }]
  let base: Base | undefined
  let limit: number | undefined
  let retriesLeft = options.retries
  for (let number = 1; ; number++) {
    const asked = ({ isPartial, turns }: Way) => {
      const request: ModelRequest = {
        ...options.request,
        turns,
        attempt: number,
        isPartial,
        ...(limit === undefined ? {} : { maxTokens: limit }),
      }
      return { request, requestSha256: requestDigest(model.config, request) }
    }
    let { request, requestSha256 } = asked(ways[0])
    let found = yield* options.recall(requestSha256, number)
    for (const other of ways.slice(1)) {
      if (found !== undefined) break
      const before = asked(other)
      found = yield* options.recall(before.requestSha256, number)
      if (found !== undefined) ({ request, requestSha256 } = before)
    }
    const { verdict, attempt } = yield* Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const unjudged = { number, requestSha256, recalled: found !== undefined }
        let isKept = false
        const keep = (reply: ModelReply) =>
          Effect.suspend(() => {
            isKept = true
            return options.keep({ ...unjudged, reply })
          })
        const asked = restore(model.complete(request, keep))
        const reply = found ?? (yield* limit === undefined ? asked : Effect.mapError(asked, limitRefused))
        if (!isKept) yield* keep(reply)
        if (found !== undefined) yield* model.recalled?.(request) ?? Effect.void
        const verdict = judge(reply, base, options.check)
        const mayRaise = reply.truncated && limit === undefined && reply.contextFull !== true
        const attempt: Attempt = {
          ...unjudged,
          reply,
          problems: verdict.checked.ok ? [] : verdict.checked.problems,
          isLast: verdict.checked.ok || reply.truncated ? !mayRaise : retriesLeft === 0,
          repaired: verdict.repaired,
          isPatch: verdict.isPatch,
        }
        yield* options.record(attempt)
        return { verdict, attempt }
      }),
    )
    attempts.push(attempt)
    const { checked } = verdict
    const { reply } = attempt
    if (checked.ok) return { value: checked.value, warnings: checked.warnings, attempts } satisfies Answer<A>
    if (!attempt.isLast && reply.truncated) {
      limit = raisedLimit(reply, model.config.max_tokens)
      continue
    }
    if (reply.truncated) return yield* cutOff(reply, limit)
    if (retriesLeft === 0) return yield* givenUp(attempts, checked.problems)
    retriesLeft--
    // An answer nothing can be taken from does not replace the one it should have corrected.
    const usable = verdict.base ?? base
    const said =
      verdict.isPatch || verdict.base === undefined ? JSON.stringify(usable?.value ?? null) : reply.text
    const shown = usable === undefined ? reply.text : said
    const isShown = shown.trim() !== "" && shown.length <= longestShown
    const problems = usable?.problems ?? checked.problems
    const wayOf = (mode: RepairMode): Way => {
      const reAsk: ModelTurn = { role: "user", text: reAskText(problems, mode) }
      return {
        turns: isShown ? [{ role: "assistant", text: shown }, reAsk] : [reAsk],
        isPartial: mode === "patch",
      }
    }
    const mayPatch =
      isShown &&
      verdict.base !== undefined &&
      options.repair !== "full" &&
      isPatchable(verdict.base.value, verdict.base.problems)
    const rejected = { answerTokens: textTokens(shown), problems: problems.length }
    const cheaper = options.repair === "auto" ? model.cheaperRepair?.(request, rejected) : undefined
    ways = mayPatch
      ? cheaper === "full"
        ? [wayOf("full"), wayOf("patch")]
        : [wayOf("patch"), wayOf("full")]
      : [wayOf("full")]
    base = usable
  }
})
