import type { Effect } from "effect"
import type { ModelError } from "../VisionModel.ts"
import type { FileLimits } from "./input-file.ts"
import type { LineFormat } from "./lines.ts"
import type { BatchState } from "./record.ts"

/** A file of results; which of them a service has differs. */
export type ResultFile = "output" | "errors"

/** A batch as the service tells of it. */
export interface RemoteBatch {
  readonly id: string
  /** Its own word, in lower case: `validating`, `in_progress`, `completed`, ... */
  readonly status: string
  /** Whether that word says how a batch stands; of any other nobody knows whether it is the last. */
  readonly isKnownStatus: boolean
  /** Nothing more will come of it, and what came of it is there. */
  readonly hasEnded: boolean
  /** It has ended, and the file with its results is not named yet. */
  readonly isLate: boolean
  /** Requests of which it has a result; undefined if it does not say. */
  readonly answered: number | undefined
  /** Where its results are, in the service's own words. */
  readonly results: Readonly<Partial<Record<ResultFile, string>>>
  /** Why it was refused as a whole, in a sentence. */
  readonly problem: string | undefined
  /** It was refused as a whole because too much waits at the service: once that has ended, it may be taken. */
  readonly isQueueFull: boolean
  /** Seconds since 1970, by the service's clock. */
  readonly createdAt: number | undefined
  readonly endedAt: number | undefined
}

/** What is noted before a batch is created, so that it is found again whatever happens then. */
export type Prepared = Pick<BatchState, "input_file_id" | "newest_batch_id">

/** A file that is to become a batch. */
export interface Submission extends Prepared {
  /** Absolute path of the file. */
  readonly path: string
  readonly bytes: number
  readonly requests: number
  readonly sha256: string
  /** Name of the batch's folder: no two have the same. */
  readonly name: string
  /** What its requests are for, as in `/v1/chat/completions`. */
  readonly url: string
  readonly model: string
}

/**
 * What a service has of a submission: its batch, none, or batches of which nobody can tell yet whether one of them is it.
 */
export type Found =
  | { readonly type: "batch"; readonly batch: RemoteBatch }
  | { readonly type: "none" }
  | { readonly type: "undecided"; readonly candidates: ReadonlyArray<string> }

/** Whoever takes requests by the file, and answers them later. */
export interface BatchService {
  /** What it takes as one file, where nothing else is known. */
  readonly limits: FileLimits
  readonly format: LineFormat
  /** All that comes before a batch is created. What it gives is on disk before that. */
  readonly prepare: (submission: Submission) => Effect.Effect<Prepared, ModelError>
  /** Has it begin. */
  readonly create: (submission: Submission) => Effect.Effect<RemoteBatch, ModelError>
  /**
   * Looks for the batch of a submission. Fails if that cannot be told.
   *
   * @param others ids of batches that are of other submissions
   */
  readonly find: (submission: Submission, others: ReadonlySet<string>) => Effect.Effect<Found, ModelError>
  readonly look: (id: string) => Effect.Effect<RemoteBatch, ModelError>
  /** Writes a file of results to disk, secrets taken out; gives how many lines it has. Fails if it is not whole. */
  readonly download: (where: string, path: string) => Effect.Effect<number, ModelError>
  /** Removes what it was submitted as, once its results are on disk. Absent where that is the service's. */
  readonly discard?: (id: string) => Effect.Effect<void, ModelError>
  /** The command that has a batch answered, word by word. Absent where the service does that by itself. */
  readonly commandFor?: (id: string) => ReadonlyArray<string>
}
