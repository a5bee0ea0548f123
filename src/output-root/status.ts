import { Effect } from "effect"
import * as v from "valibot"
import type { DatasetError } from "../dataset/DatasetError.ts"
import { DatasetStore } from "../dataset/DatasetStore.ts"
import type { StageId } from "../dataset/layout.ts"
import { entriesIn, lookAt, readJson } from "../dataset/store.ts"
import { summaryKey } from "../dataset/summary.ts"
import { type FailedVideo, isRefusal } from "./failures.ts"
import { type LockOwner, lockAt, lockKey } from "./lock.ts"
import { lockedVideos } from "./locks.ts"
import { type InputRecord, readFailures, readInputs } from "./state.ts"
import {
  contractOutcomes,
  type FlaggedVideo,
  failureOf,
  flagsOf,
  isComplete,
  type SummaryExcerpt,
  stageOf,
  stepsOf,
  summarySchema,
} from "./summary-excerpt.ts"

/** A video somebody works on right now. */
export interface RunningVideo {
  readonly video_id: string
  /** The stage it is in; null if that is not known yet. */
  readonly stage: number | null
  /** Steps refined. */
  readonly steps_done: number
  /** Who works on it; null if the lock does not say. */
  readonly owner: Pick<LockOwner, "host" | "pid" | "since_utc"> | null
}

/** How an output root stands. The ids in all lists are in order of name. */
export interface RootStatus {
  /** Absolute. */
  readonly outputRoot: string
  readonly done: ReadonlyArray<string>
  readonly failed: ReadonlyArray<FailedVideo>
  readonly running: ReadonlyArray<RunningVideo>
  /** Begun, not finished, and nobody works on them. */
  readonly unfinished: ReadonlyArray<string>
  /** Inputs of the last run of several videos that were not begun. */
  readonly notStarted: ReadonlyArray<string>
  /** Videos with doubtful parts, whatever else is said of them. */
  readonly flagged: ReadonlyArray<FlaggedVideo>
  readonly steps: number
  /** Replies on record; rejected ones too. */
  readonly calls: number
  readonly promptTokens: number
  readonly completionTokens: number
  /** US dollars; null if that of any video is not known. */
  readonly costUsd: number | null
  /** Wall time of all stages, added up over all videos. */
  readonly stageSeconds: number
  /** ISO 8601, UTC; null if nothing was done yet. */
  readonly lastChangeUtc: string | null
}

const foldersAtOnce = 32

interface SeenFolder {
  readonly id: string
  readonly summary: SummaryExcerpt | undefined
  readonly owner: LockOwner | null | undefined
  /** Why the folder or its lock cannot be looked at. */
  readonly refused: DatasetError | undefined
}

const refusedVideo = (id: string, { message, reason }: DatasetError): FailedVideo => ({
  video_id: id,
  source_video: "",
  stage: null,
  reason,
  message,
})

const sumOf = (folders: ReadonlyArray<SeenFolder>, field: "calls" | "prompt_tokens" | "completion_tokens") =>
  folders.reduce((sum, { summary }) => sum + (summary?.totals?.[field] ?? 0), 0)

const costOf = (folders: ReadonlyArray<SeenFolder>): number | null => {
  const costs = folders.flatMap(({ summary }) =>
    summary?.totals === undefined ? [] : [summary.totals.cost_usd],
  )
  return costs.includes(null) ? null : costs.reduce<number>((sum, cost) => sum + (cost ?? 0), 0)
}

const secondsOf = ({ summary }: SeenFolder): number =>
  [...contractOutcomes(summary), summary?.verify, ...Object.values(summary?.further_stages ?? {})].reduce(
    (sum, outcome) => sum + (outcome?.wall_time_sec ?? 0),
    0,
  )

/** Puts what was seen together. Who is worked on now counts as running, whatever happened to it before. */
const statusOf = (
  outputRoot: string,
  stages: ReadonlyArray<StageId>,
  folders: ReadonlyArray<SeenFolder>,
  recorded: ReadonlyArray<FailedVideo>,
  inputs: ReadonlyArray<InputRecord>,
): RootStatus => {
  const running = folders.filter(({ owner }) => owner !== undefined)
  const runningIds = new Set(running.map(({ id }) => id))
  const failed = new Map(
    recorded.filter(({ video_id }) => !runningIds.has(video_id)).map((one) => [one.video_id, one]),
  )
  const done: Array<string> = []
  const unfinished: Array<string> = []
  for (const input of inputs) {
    if (input.refused === undefined) continue
    const id = input.video_id ?? input.source_video
    failed.set(id, {
      video_id: id,
      source_video: input.source_video,
      stage: null,
      ...input.refused,
    })
  }
  for (const { id, refused } of folders) if (refused !== undefined) failed.set(id, refusedVideo(id, refused))
  for (const { id, summary } of folders) {
    if (summary === undefined || runningIds.has(id)) continue
    const recordedFailure = failed.get(id)
    const mayStand = recordedFailure === undefined || isRefusal(recordedFailure)
    if (!mayStand) continue
    const failure = failureOf(summary, stages)
    const isDone = failure === undefined && stages.every((stage) => isComplete(summary, stage))
    // A run that was refused says nothing of a finished folder, unless it was about another video of this name.
    if (isDone && recordedFailure?.source_video === summary.source_video) failed.delete(id)
    if (isDone) done.push(id)
    else if (recordedFailure !== undefined) continue
    else if (failure !== undefined) failed.set(id, failure)
    else unfinished.push(id)
  }
  const known = new Set([...done, ...unfinished, ...failed.keys(), ...runningIds])
  const times = folders.flatMap(({ summary }) => (summary === undefined ? [] : [summary.updated_at_utc]))
  return {
    outputRoot,
    done,
    failed: [...failed.values()].toSorted((a, b) => a.video_id.localeCompare(b.video_id, "en")),
    running: running.map(({ id, summary, owner }) => ({
      video_id: id,
      stage: stageOf(summary),
      steps_done: stepsOf(summary),
      owner: owner == null ? null : { host: owner.host, pid: owner.pid, since_utc: owner.since_utc },
    })),
    unfinished,
    notStarted: inputs.flatMap(({ refused, video_id: id }) =>
      id === null || refused !== undefined || known.has(id) ? [] : [id],
    ),
    flagged: folders.flatMap(({ id, summary }) => {
      const flags = flagsOf(summary)
      return flags.length === 0 ? [] : [{ video_id: id, flags }]
    }),
    steps: folders.reduce((sum, { summary }) => sum + stepsOf(summary), 0),
    calls: sumOf(folders, "calls"),
    promptTokens: sumOf(folders, "prompt_tokens"),
    completionTokens: sumOf(folders, "completion_tokens"),
    costUsd: costOf(folders),
    stageSeconds: folders.reduce((sum, folder) => sum + secondsOf(folder), 0),
    lastChangeUtc: times.toSorted().at(-1) ?? null,
  }
}

/**
 * Reads how an output root stands, without touching it. Others may work in it meanwhile: every file is whole whenever it is
 * read, and what vanishes between two looks counts as not there. What has not changed since the last read is not read
 * again.
 *
 * @param stages those that make a video done
 */
export const makeStatusReader = (stages: ReadonlyArray<StageId>) => {
  const summaries = new Map<
    string,
    { readonly stamp: string; readonly summary: SummaryExcerpt | undefined }
  >()

  const summaryAt = Effect.fn("Status.summary")(function* (id: string) {
    const key = summaryKey(id)
    const stamp = (yield* lookAt(key))?.stamp
    if (stamp === undefined) return undefined
    const before = summaries.get(id)
    if (before?.stamp === stamp) return before.summary
    const parsed = v.safeParse(summarySchema, yield* readJson(key))
    const summary = parsed.success ? parsed.output : undefined
    summaries.set(id, { stamp, summary })
    return summary
  })

  /** Who works on a video; undefined if nobody does, null if that cannot be told. */
  const ownerOf = Effect.fn("Status.owner")(function* (id: string) {
    const lock = yield* lockAt(lockKey(id))
    return lock === undefined || lock.liveness === "dead" ? undefined : (lock.owner ?? null)
  })

  return Effect.gen(function* () {
    const locked = new Set(yield* lockedVideos())
    const inputs = (yield* readInputs) ?? []
    // A link is looked at only if it has the name of a video; then it is refused.
    const expected = new Set(inputs.map(({ video_id }) => video_id))
    const found = (yield* entriesIn("")).filter(
      ({ kind, name }) => !name.startsWith(".") && (kind === "folder" || expected.has(name)),
    )
    const ids = [...new Set([...found.map(({ name }) => name), ...locked])].toSorted()
    const folders = yield* Effect.forEach(
      ids,
      (id) =>
        Effect.all({
          summary: summaryAt(id),
          owner: locked.has(id) ? ownerOf(id) : Effect.succeed(undefined),
        }).pipe(
          Effect.match({
            onSuccess: (seen): SeenFolder => ({ id, ...seen, refused: undefined }),
            onFailure: (refused): SeenFolder => ({ id, summary: undefined, owner: undefined, refused }),
          }),
        ),
      { concurrency: foldersAtOnce },
    )
    const { locate } = yield* DatasetStore
    // Who waits for an answer has not failed.
    const recorded = (yield* readFailures).filter(({ reason }) => reason !== "Deferred")
    return statusOf(locate(""), stages, folders, recorded, inputs)
  }).pipe(Effect.withSpan("Status.read"))
}
