import * as v from "valibot"
import { answersPerMinute, eta, videosLeft } from "../../batch/progress.ts"
import type { RunState } from "../../batch/state.ts"
import type { Expectation } from "../../dry-run.ts"
import { type RunEvent, stopCauses } from "../../events.ts"
import type { UnderWay } from "../../model/batch-api/ModelBatches.ts"
import type { Check } from "../../preflight.ts"
import { stageNumber, stageNumbers } from "../../stages/list.ts"
import { printableJson } from "../../text/printable.ts"
import { commandLine } from "../shell.ts"
import { waitKinds, waitOf } from "./waiting.ts"

const amount = v.pipe(v.number(), v.minValue(0))
const whole = v.pipe(amount, v.integer())
const stage = v.picklist(stageNumbers)
const time = v.pipe(v.string(), v.isoTimestamp())
const text = v.string()

const line = <const E extends string, const T extends v.ObjectEntries>(event: E, entries: T) =>
  v.strictObject({ time, event: v.literal(event), ...entries })

const video = { video_id: text }
const answer = { ...video, stage, what: text, attempt: whole }

/**
 * One line of `--json`. `time` is ISO 8601 in UTC. `progress` comes every five seconds and once before `batch_finished`,
 * which is the last of a batch; the others are its events. With `--batch`, `batches_under_way` comes after it where something is
 * answered later; after a batch that was scored comes `evaluation_finished`. Where it does
 * not come to a batch, as with wrong usage, `error` is the only line.
 */
export const jsonLineSchema = v.variant("event", [
  line("batch_started", { videos: v.nullable(whole) }),
  line("video_started", { ...video, file: text, folder: text }),
  line("stage_started", { ...video, stage, total: whole }),
  line("stage_advanced", { ...video, stage, what: text, kept: v.boolean() }),
  line("answer_received", {
    ...answer,
    recalled: v.boolean(),
    prompt_tokens: v.nullable(whole),
    completion_tokens: v.nullable(whole),
    cost_usd: v.nullable(amount),
    estimated_tokens: v.nullable(whole),
    estimated_cost_usd: v.nullable(amount),
    latency_ms: amount,
  }),
  line("answer_rejected", { ...answer, problems: v.array(text) }),
  line("stage_finished", { ...video, stage }),
  line("notice", { ...video, message: text }),
  line("flagged", { ...video, what: text, flag: text, why: text }),
  line("video_finished", { ...video, folder: text }),
  line("video_failed", {
    ...video,
    file: text,
    stage: v.optional(stage),
    reason: text,
    message: text,
    will_retry: v.boolean(),
  }),
  line("video_postponed", { ...video, file: text, message: text, why: v.picklist(["locked", "deferred"]) }),
  line("model_load", {
    in_flight: whole,
    waiting: whole,
    limit: amount,
    rpm: v.nullable(amount),
    tpm: v.nullable(amount),
    paused_ms: amount,
  }),
  line("model_silent", {
    ...video,
    stage,
    step: v.nullable(whole),
    attempt: whole,
    since: v.pipe(v.string(), v.isoTimestamp()),
    unanswered_ms: amount,
  }),
  line("batch_stopping", { cause: v.picklist(stopCauses), grace_sec: amount }),
  line("progress", {
    videos: v.nullable(whole),
    done: whole,
    failed: whole,
    left: v.nullable(whole),
    under_way: whole,
    steps: whole,
    calls: whole,
    calls_per_minute: amount,
    calls_per_minute_limit: v.nullable(amount),
    prompt_tokens: whole,
    completion_tokens: whole,
    cost_usd: v.nullable(amount),
    seconds: amount,
    seconds_left: v.nullable(amount),
    estimated_tokens: whole,
    estimated_cost_usd: v.nullable(amount),
    waiting_for: v.nullable(
      v.strictObject({ what: v.picklist(waitKinds), video_id: v.nullable(text), seconds: amount }),
    ),
  }),
  line("batch_finished", {
    done: whole,
    failed: whole,
    left: v.nullable(whole),
    stopped: v.nullable(v.picklist(stopCauses)),
    seconds: amount,
    report: v.optional(text),
  }),
  line("batches_under_way", { batches: whole, requests: whole, commands: v.optional(v.array(text)) }),
  line("evaluation_finished", { report: text, evaluation: v.record(v.string(), v.unknown()) }),
  line("error", { exit_code: whole, message: text }),
  line("check", {
    what: text,
    ok: v.nullable(v.boolean()),
    problem: v.nullable(text),
    found: v.nullable(text),
  }),
  line("dry_run", {
    videos: whole,
    calls: whole,
    images: whole,
    further_calls: whole,
    repeated_images: whole,
    prompt_tokens: whole,
    completion_tokens: whole,
    cost_usd: v.nullable(amount),
    seconds: amount,
    decode_seconds: amount,
    failures: v.array(v.strictObject({ file: text, message: text })),
  }),
])

const snake = (name: string): string => name.replaceAll(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`)

/** One object a line. */
const jsonLine = (object: Readonly<Record<string, unknown>> & { readonly event: string }): string =>
  printableJson(JSON.stringify(object))

/** The end of a command that could not do what it was asked for, as a line of JSON. */
export const errorJson = (exitCode: number, message: string, time: string): string =>
  jsonLine({ time, event: "error", exit_code: exitCode, message })

/** One thing that was looked at before a run, as a line of JSON. */
export const checkJson = ({ what, problem, found }: Check, time: string): string =>
  jsonLine({
    time,
    event: "check",
    what,
    ok: problem === undefined,
    problem: problem ?? null,
    found: problem === undefined ? (found ?? null) : null,
  })

/** The same for what was not looked at: nothing is known of it. */
export const uncheckedJson = (what: string, time: string): string =>
  jsonLine({ time, event: "check", what, ok: null, problem: null, found: null })

/** What has been submitted with `--batch` and has not come back, as a line of JSON. */
export const batchesJson = ({ batches, commands, requests }: UnderWay, time: string): string =>
  jsonLine({
    time,
    event: "batches_under_way",
    batches,
    requests,
    ...(commands === undefined ? {} : { commands: commands.map(commandLine) }),
  })

/** How right a run was, as a line of JSON: where the report is, and what is in it. */
export const evaluationJson = (report: string, evaluation: object, time: string): string =>
  jsonLine({ time, event: "evaluation_finished", report, evaluation })

/** What a run is expected to take, as a line of JSON. */
export const expectationJson = (expected: Expectation, time: string): string =>
  jsonLine({
    time,
    event: "dry_run",
    videos: expected.videos,
    calls: expected.calls,
    further_calls: expected.furtherCalls,
    images: expected.images,
    repeated_images: expected.repeated,
    prompt_tokens: expected.promptTokens,
    completion_tokens: expected.completionTokens,
    cost_usd: expected.costUsd,
    seconds: expected.seconds,
    decode_seconds: expected.decodeSeconds,
    failures: expected.failures,
  })

/** An event as a line of JSON: names in snake_case and stages by number, as in all files of a dataset. */
export const eventJson = ({ type, ...rest }: RunEvent, time: string): string =>
  jsonLine({
    time,
    event: snake(type).slice(1),
    ...Object.fromEntries(Object.entries(rest).map(([name, value]) => [snake(name), value])),
    ...("stage" in rest && rest.stage !== undefined ? { stage: stageNumber(rest.stage) } : {}),
  })

/** How a batch stands, as a line of JSON. The cost is null if that of any answer is not known. */
export const progressJson = (state: RunState, nowMs: number, time: string): string => {
  const wait = waitOf(state, nowMs)
  return jsonLine({
    time,
    event: "progress",
    videos: state.videos ?? null,
    done: state.done,
    failed: state.failures.length,
    left: videosLeft(state) ?? null,
    under_way: state.active.size,
    steps: state.steps,
    calls: state.answers,
    calls_per_minute: answersPerMinute(state, nowMs),
    calls_per_minute_limit: state.load.rpm,
    prompt_tokens: state.promptTokens,
    completion_tokens: state.completionTokens,
    cost_usd: state.unpriced > 0 ? null : state.costUsd,
    seconds: (nowMs - state.startedMs) / 1000,
    seconds_left: eta(state, nowMs) ?? null,
    estimated_tokens: state.estimatedTokens,
    estimated_cost_usd: state.unpriced > 0 ? null : state.estimatedCostUsd,
    waiting_for:
      wait === undefined ? null : { what: wait.kind, video_id: wait.videoId, seconds: wait.seconds },
  })
}
