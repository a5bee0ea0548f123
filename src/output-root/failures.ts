import type { FailureRecord } from "./state.ts"

/** A video that was not finished, and why. */
export type FailedVideo = Omit<FailureRecord, "failed_at_utc">

/** Reasons for which a folder was left as it was: they say something of a run, not of what is there. */
const refusals: ReadonlySet<string> = new Set([
  "ForeignFolder",
  "FingerprintMismatch",
  "RehearsalOverReal",
  "EditInvalid",
  "MissingStage",
  "PromptInvalid",
])

/** Whether a run only looked at a folder and left it alone. */
export const isRefusal = ({ reason }: Pick<FailedVideo, "reason">): boolean => refusals.has(reason)

/** Failures of one reason in one stage. */
export interface FailureGroup {
  readonly reason: string
  readonly stage: FailedVideo["stage"]
  /** In order of id. */
  readonly videos: ReadonlyArray<FailedVideo>
}

const byId = (a: FailedVideo, b: FailedVideo): number => a.video_id.localeCompare(b.video_id, "en")

/** Puts failures of the same reason and stage together, the most frequent first. */
export const groupFailures = (failed: ReadonlyArray<FailedVideo>): ReadonlyArray<FailureGroup> =>
  [...Map.groupBy(failed, ({ reason, stage }) => `${reason} ${stage ?? ""}`).values()]
    .flatMap((same): ReadonlyArray<FailureGroup> => {
      const [first] = same
      return first === undefined
        ? []
        : [{ reason: first.reason, stage: first.stage, videos: same.toSorted(byId) }]
    })
    .toSorted((a, b) => b.videos.length - a.videos.length || a.reason.localeCompare(b.reason, "en"))
