import * as v from "valibot"
import { type BatchFinished, stopCauses } from "../events.ts"
import { groupFailures } from "../output-root/failures.ts"
import type { RefusedInput } from "./discover.ts"
import type { RunState } from "./state.ts"

const amount = v.pipe(v.number(), v.minValue(0))
const whole = v.pipe(amount, v.integer())

/** The number of a stage. */
const stage = v.pipe(whole, v.minValue(1))

/** `run_report.json`: what came of one run over several videos. */
export const reportSchema = v.strictObject({
  finished_at_utc: v.pipe(v.string(), v.isoTimestamp()),
  output_root: v.string(),
  model: v.string(),
  stages: v.array(stage),
  seconds: amount,
  /** `asked`, `failure` or `budget` if the run ended before its input did. */
  stopped: v.nullable(v.picklist(stopCauses)),
  videos: whole,
  done: whole,
  failed: whole,
  left: whole,
  /** Inputs that no run can work on as they are, beside the videos; they are among the failures. */
  refused: whole,
  steps: whole,
  calls: whole,
  rejected_answers: whole,
  prompt_tokens: whole,
  completion_tokens: whole,
  /** Null if that of any call is not known. */
  cost_usd: v.nullable(amount),
  failures: v.array(
    v.strictObject({
      reason: v.string(),
      stage: v.nullable(stage),
      count: whole,
      videos: v.array(
        v.strictObject({ video_id: v.string(), source_video: v.string(), message: v.string() }),
      ),
    }),
  ),
  /** Doubtful parts of the videos that this run went through; absent if there are none. */
  flags: v.exactOptional(
    v.array(v.strictObject({ video_id: v.string(), what: v.string(), flag: v.string(), why: v.string() })),
  ),
  slowest: v.array(v.strictObject({ video_id: v.string(), seconds: amount })),
  /** Tokens and cost of answers that the service did not count, by estimate. They are not among the others. */
  estimated_tokens: whole,
  estimated_cost_usd: v.nullable(amount),
  /** What to do next; empty if all is done. */
  how_to_continue: v.array(v.string()),
  /** The command that does it, to be pasted; null where there is none. It holds no key. */
  next_command: v.nullable(v.string()),
})
export type RunReport = v.InferOutput<typeof reportSchema>

/** A report that is wanted: `run_report.json` and `run_report.md` in the output root. */
export interface ReportRequest {
  /** What the model is called in it. */
  readonly model: string
  /** Part of the file names, where several runs share a root on purpose: `shard-2-of-4`. */
  readonly part?: string
  /** What of the input cannot be worked on. */
  readonly refused?: ReadonlyArray<RefusedInput>
  /** The command that goes on after such an end, to be pasted; it holds no key. */
  readonly nextCommand?: (end: BatchFinished) => string | undefined
}

/** A report that is wanted, and of which batch. */
export interface ReportHead extends ReportRequest {
  /** Absolute. */
  readonly outputRoot: string
}

const nextSteps = ({
  failed,
  left,
  refused,
  stopped,
}: Pick<RunReport, "failed" | "left" | "refused" | "stopped">) => [
  ...(stopped === "budget"
    ? ["The budget was spent. The same command goes on, with a new count of cost and tokens."]
    : left > 0
      ? ["Run the same command again: it goes on where this run stopped and pays for nothing twice."]
      : []),
  ...(refused > 0
    ? [
        "Rename the inputs that were refused, or make them readable, as the messages say, and run the same command again, without --only-failed: a file with another name is a new one. What is done stays.",
      ]
    : failed > 0
      ? [
          "Run the same command with --only-failed to try the failed videos again, once you have fixed what the messages name.",
        ]
      : []),
]

/** The report of a run that has ended. */
export const reportOf = (state: RunState, end: BatchFinished, head: ReportHead, time: string): RunReport => {
  const refused = (head.refused ?? []).map((input) => ({
    ...input,
    video_id: input.path,
    source_video: input.path,
    stage: null,
  }))
  const ending = { failed: end.failed, left: end.left ?? 0, refused: refused.length, stopped: end.stopped }
  return {
    finished_at_utc: time,
    output_root: head.outputRoot,
    model: head.model,
    stages: [...new Set(state.stages.map(({ number }) => number))],
    seconds: end.seconds,
    stopped: end.stopped,
    videos: state.videos ?? end.done + end.failed,
    done: end.done,
    failed: end.failed,
    left: ending.left,
    refused: ending.refused,
    steps: state.steps,
    calls: state.answers,
    rejected_answers: state.rejected,
    prompt_tokens: state.promptTokens,
    completion_tokens: state.completionTokens,
    cost_usd: state.unpriced > 0 ? null : state.costUsd,
    failures: groupFailures([...state.failures, ...refused]).map(({ reason, stage, videos }) => ({
      reason,
      stage,
      count: videos.length,
      videos: videos.map(({ video_id, source_video, message }) => ({ video_id, source_video, message })),
    })),
    ...(state.flags.length === 0 ? {} : { flags: [...state.flags] }),
    slowest: state.slowest.map(({ videoId, seconds }) => ({ video_id: videoId, seconds })),
    estimated_tokens: state.estimatedTokens,
    estimated_cost_usd: state.unpriced > 0 ? null : state.estimatedCostUsd,
    how_to_continue: nextSteps(ending),
    next_command: head.nextCommand?.(end) ?? null,
  }
}
