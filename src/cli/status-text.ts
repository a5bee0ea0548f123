import * as v from "valibot"
import { failureText } from "../batch/failure-text.ts"
import type { UnderWay } from "../model/batch-api/ModelBatches.ts"
import { groupFailures } from "../output-root/failures.ts"
import type { RootStatus as VideosStatus } from "../output-root/status.ts"
import { numberText, stageNumbers } from "../stages/list.ts"
import { refine } from "../stages/refine.ts"
import { printable, printableJson } from "../text/printable.ts"
import { compact, count, dollars, duration, plural } from "../text/quantity.ts"
import { clip, fit } from "./progress/text.ts"

const whole = v.pipe(v.number(), v.integer(), v.minValue(0))
const stage = v.nullable(v.picklist(stageNumbers))
const ids = v.array(v.string())

/** How an output root stands, with what is under way in batches. */
export interface RootStatus extends VideosStatus {
  readonly underWay: UnderWay
}

/** What `status --json` prints: one object a line. */
export const statusSchema = v.strictObject({
  time: v.pipe(v.string(), v.isoTimestamp()),
  output_root: v.string(),
  videos: whole,
  done: whole,
  failed: whole,
  running: whole,
  unfinished: whole,
  not_started: whole,
  failures: v.array(v.strictObject({ reason: v.string(), stage, count: whole, videos: ids })),
  running_videos: v.array(
    v.strictObject({
      video_id: v.string(),
      stage,
      steps_done: whole,
      owner: v.nullable(v.strictObject({ host: v.string(), pid: whole, since_utc: v.string() })),
    }),
  ),
  unfinished_videos: ids,
  /** What is doubtful. */
  flagged_videos: v.array(
    v.strictObject({
      video_id: v.string(),
      flags: v.array(v.strictObject({ what: v.string(), flag: v.string() })),
    }),
  ),
  /** Handed in with `--batch`, and not fetched. */
  batches: v.strictObject({ batches: whole, requests: whole }),
  steps: whole,
  calls: whole,
  prompt_tokens: whole,
  completion_tokens: whole,
  cost_usd: v.nullable(v.number()),
  stage_seconds: v.number(),
  last_change_utc: v.nullable(v.string()),
})

const videosOf = (status: RootStatus): number =>
  status.done.length +
  status.failed.length +
  status.running.length +
  status.unfinished.length +
  status.notStarted.length

/** A status as one line of JSON. */
export const statusJson = (status: RootStatus, time: string): string => {
  const object = {
    time,
    output_root: status.outputRoot,
    videos: videosOf(status),
    done: status.done.length,
    failed: status.failed.length,
    running: status.running.length,
    unfinished: status.unfinished.length,
    not_started: status.notStarted.length,
    failures: groupFailures(status.failed).map(({ reason, stage, videos }) => ({
      reason,
      stage,
      count: videos.length,
      videos: videos.map(({ video_id }) => video_id),
    })),
    running_videos: [...status.running],
    unfinished_videos: [...status.unfinished],
    flagged_videos: status.flagged.map(({ flags, video_id }) => ({ video_id, flags: [...flags] })),
    batches: { ...status.underWay },
    steps: status.steps,
    calls: status.calls,
    prompt_tokens: status.promptTokens,
    completion_tokens: status.completionTokens,
    cost_usd: status.costUsd,
    stage_seconds: status.stageSeconds,
    last_change_utc: status.lastChangeUtc,
  } satisfies v.InferInput<typeof statusSchema>
  return printableJson(JSON.stringify(object))
}

const namedPerGroup = 3
const nameColumns = 36

const failureLines = (status: RootStatus): ReadonlyArray<string> =>
  groupFailures(status.failed).flatMap((group) => {
    const named = group.videos.slice(0, namedPerGroup).map(({ video_id }) => printable(video_id))
    const more = group.videos.length - named.length
    return [
      `  ${count(group.videos.length).padStart(5)}  ${printable(failureText(group))}`,
      `         ${named.join(", ")}${more > 0 ? ` and ${count(more)} more` : ""}`,
    ]
  })

const runningLine = ({ video_id, stage, steps_done, owner }: RootStatus["running"][number]): string => {
  const where = stage === null ? "finishing" : numberText(stage)
  const steps = stage === refine.number ? plural(steps_done, "step") : ""
  const who =
    owner === null ? "" : printable(`process ${owner.pid} on ${owner.host} since ${owner.since_utc}`)
  return `  ${fit(printable(video_id), nameColumns)}  ${where.padEnd(10)}  ${steps.padEnd(8)}  ${who}`.trimEnd()
}

const flaggedLine = ({ flags, video_id }: RootStatus["flagged"][number]): string => {
  const what = flags.map(({ flag, what }) => `${what} ${flag}`).join(", ")
  return `  ${fit(printable(video_id), nameColumns)}  ${printable(what)}`
}

/** What unfinished videos may wait for. */
const unfinishedRemark = ({ unfinished, underWay: { batches } }: RootStatus): string => {
  if (unfinished.length === 0) return ""
  return batches === 0
    ? "begun, and nobody works on them"
    : "begun, and nobody works on them; some may wait for batches"
}

const underWayLines = ({ underWay: { batches, requests } }: RootStatus): ReadonlyArray<string> =>
  batches === 0
    ? []
    : [
        `  ${plural(batches, "batch", "batches")} with ${plural(requests, "request")} under way: the same command with --batch fetches what has come`,
      ]

const spent = ({ calls, promptTokens, completionTokens, costUsd, steps }: RootStatus): string =>
  [
    plural(steps, "step"),
    plural(calls, "call"),
    ...(promptTokens + completionTokens > 0
      ? [
          `${compact(promptTokens)} tokens in, ${compact(completionTokens)} out`,
          costUsd === null ? "cost not known" : dollars(costUsd),
        ]
      : []),
  ].join(", ")

/** A status as a table for people. */
export const statusLines = (status: RootStatus, nowMs: number): ReadonlyArray<string> => {
  const row = (name: string, value: number, remark = "") =>
    `  ${name.padEnd(12)}${count(value).padStart(7)}${remark === "" ? "" : `  ${remark}`}`
  const { done, failed, running, unfinished, notStarted, lastChangeUtc } = status
  const since = lastChangeUtc === null ? undefined : (nowMs - Date.parse(lastChangeUtc)) / 1000
  return [
    printable(status.outputRoot),
    row("done", done.length),
    row("failed", failed.length),
    row("running", running.length),
    row("unfinished", unfinished.length, unfinishedRemark(status)),
    row("not started", notStarted.length),
    ...underWayLines(status),
    `  ${spent(status)}`,
    `  ${duration(status.stageSeconds)} in stages${since === undefined ? "" : `, last change ${duration(Math.max(0, since))} ago`}`,
    ...(failed.length === 0 ? [] : ["failed", ...failureLines(status)]),
    ...(status.flagged.length === 0
      ? []
      : ["doubtful, to be looked at first", ...status.flagged.map(flaggedLine)]),
    ...(running.length === 0 ? [] : ["running", ...running.map(runningLine)]),
  ]
}

/** The same for a window: what does not fit is left out, and said to be. */
export const fitStatus = (
  lines: ReadonlyArray<string>,
  { columns, rows }: { readonly columns: number; readonly rows: number },
): ReadonlyArray<string> => {
  const room = Math.max(1, rows - 2)
  const shown = lines.length <= room ? lines : lines.slice(0, room - 1)
  const hidden = lines.length - shown.length
  return [...shown, ...(hidden > 0 ? [`and ${count(hidden)} more lines`] : [])].map((line) =>
    clip(line, columns - 1),
  )
}
