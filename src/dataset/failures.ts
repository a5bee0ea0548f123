/** A video that was not finished, and why. */
export interface Failure {
  readonly videoId: string
  /** The source video, absolute. */
  readonly file: string
  /** Absent if it failed outside of a stage. */
  readonly stage?: 1 | 2 | 3
  /** A word from a closed list, such as `NotAVideo` or `AnswerRejected`. */
  readonly reason: string
  /** A sentence that names the way out. */
  readonly message: string
}

/** Failures of one reason in one stage. */
export interface FailureGroup {
  readonly reason: string
  readonly stage: 1 | 2 | 3 | undefined
  /** In order of name. */
  readonly videos: ReadonlyArray<Failure>
}

const byName = (a: Failure, b: Failure): number => a.videoId.localeCompare(b.videoId, "en")

/** Puts failures of the same reason and stage together, the most frequent first. */
export const groupFailures = (failures: ReadonlyArray<Failure>): ReadonlyArray<FailureGroup> =>
  [...Map.groupBy(failures, ({ reason, stage }) => `${reason} ${stage ?? ""}`).values()]
    .flatMap((same): ReadonlyArray<FailureGroup> => {
      const [first] = same
      return first === undefined
        ? []
        : [{ reason: first.reason, stage: first.stage, videos: same.toSorted(byName) }]
    })
    .toSorted((a, b) => b.videos.length - a.videos.length || a.reason.localeCompare(b.reason, "en"))
