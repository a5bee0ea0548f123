import type { Outcome } from "../dataset/run-summary.ts"
import type { Question } from "./question.ts"
import { isOverwritten, type RunFacts } from "./run.ts"

/** Every reply that was allowed was judged: the next run asks anew. */
export const isJudged = (reason: string | undefined): boolean =>
  reason === "AnswerRejected" || reason === "Truncated" || reason === "ContextFull"

/** The last time this was asked for: in place of an answer that stands, or for the first one. */
export const lastAsked = (previous: Outcome | undefined) => previous?.remake ?? previous

/** Whether an earlier run ended before it had judged all it was allowed to ask for. */
const brokeOff = (asked: Pick<Outcome, "status" | "error_reason"> | undefined): boolean =>
  asked?.status === "running" || (asked?.status === "failed" && !isJudged(asked.error_reason))

/** Whether what an earlier run has received for this call is as good as new. */
export const mayRecall = (
  run: RunFacts,
  { previous, stage }: Pick<Question<unknown>, "previous" | "stage">,
): boolean => brokeOff(lastAsked(previous)) && (run.madeBefore !== undefined || !isOverwritten(run, stage))
