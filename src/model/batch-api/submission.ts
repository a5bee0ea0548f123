import { rm } from "node:fs/promises"
import { basename, join } from "node:path"
import { Effect } from "effect"
import type { WarnOnce } from "../client/calling.ts"
import { type Retries, repeated } from "../client/repeated.ts"
import { ModelError } from "../VisionModel.ts"
import type { BatchService, Found, RemoteBatch, Submission } from "./BatchService.ts"
import { onDisk } from "./disk.ts"
import { type BatchRecord, type BatchState, batchFile } from "./record.ts"

/** Writes how a batch stands, before anything depends on it. */
export type Store = (record: BatchRecord, state: BatchState) => Effect.Effect<BatchRecord, ModelError>

/** How a batch stands, with what the service says of it. */
export const withRemote = (state: BatchState, remote: RemoteBatch): BatchState => ({
  ...state,
  batch_id: remote.id,
  status: remote.status,
  ...(remote.createdAt === undefined ? {} : { created_at: remote.createdAt }),
  ...(remote.endedAt === undefined ? {} : { ended_at: remote.endedAt }),
  ...(remote.problem === undefined ? {} : { problem: remote.problem }),
})

const submissionOf = ({ folder, state }: BatchRecord): Submission => ({
  path: join(folder, batchFile.input),
  bytes: state.input_bytes,
  requests: state.requests,
  sha256: state.input_sha256,
  name: basename(folder),
  url: state.url,
  model: state.model,
  ...(state.input_file_id === undefined ? {} : { input_file_id: state.input_file_id }),
  ...(state.newest_batch_id === undefined ? {} : { newest_batch_id: state.newest_batch_id }),
})

/** Whether nobody knows after this error whether the service has done what it was asked. */
const isUnsureAfter = ({ isUnreachable, mayBePaid, reason }: ModelError): boolean =>
  reason === "Transient" && (mayBePaid === true || isUnreachable !== true)

const created = (batch: RemoteBatch): Found => ({ type: "batch", batch })

/**
 * Brings batches from the disk to the service, each once, whatever is lost on the way.
 *
 * @param others ids of batches that are not what is looked for
 */
export const makeSubmission = (
  service: BatchService,
  retries: Retries,
  store: Store,
  others: ReadonlySet<string>,
  warnOnce: WarnOnce,
) => {
  const cannotTell = ({ folder }: BatchRecord, error: ModelError): ModelError =>
    error.rejection === "not_found" || error.rejection === "answer_unreadable"
      ? new ModelError({
          reason: "Rejected",
          rejection: error.rejection,
          message: `nobody can tell whether the service has begun the batch ${basename(folder)}: ${error.message}. Look there, and remove ${folder} if it has not`,
        })
      : error

  const look = Effect.fnUntraced(function* (record: BatchRecord) {
    const found = yield* service.find(submissionOf(record), others)
    if (found.type === "undecided")
      yield* warnOnce(
        `the answer to the creation of the batch ${basename(record.folder)} was lost, and whether it is ${found.candidates.join(" or ")} shows once that has ended: nothing of it is asked anew until then; remove ${record.folder} if you know that it is not`,
      )
    return found
  })

  /** What the service has of a batch whose creation was not noted. */
  const find = (record: BatchRecord): Effect.Effect<Found, ModelError> =>
    Effect.mapError(repeated(look(record), retries), (error) => cannotTell(record, error))

  /** Has it begin. Where an answer was lost, the service is asked whether it has, before it is told once more. */
  const create = Effect.fnUntraced(function* (record: BatchRecord, wasTold: boolean) {
    let isUnsure = wasTold
    const attempt = Effect.gen(function* () {
      if (isUnsure) {
        const found = yield* Effect.mapError(look(record), (error) => cannotTell(record, error))
        if (found.type !== "none") return found
      }
      isUnsure = false
      return yield* service.create(submissionOf(record)).pipe(
        Effect.map(created),
        Effect.tapError((error) => {
          isUnsure = isUnsureAfter(error)
          if (error.reason === "Transient" || error.reason === "Throttled") return Effect.void
          // What was refused was not created: it can be submitted another time, as another file.
          const { input_file_id: _file, newest_batch_id: _newest, ...rest } = record.state
          return Effect.ignore(store(record, { ...rest, state: "written" }))
        }),
      )
    })
    return yield* repeated(attempt, retries)
  })

  const submit = Effect.fnUntraced(function* (written: BatchRecord) {
    let record = written
    const wasTold = record.state.state === "creating"
    if (!wasTold) {
      const prepared = yield* repeated(service.prepare(submissionOf(record)), retries)
      record = yield* store(record, { ...record.state, ...prepared, state: "creating" })
    }
    const found = yield* create(record, wasTold)
    if (found.type === "batch") yield* begun(record, found.batch)
  })

  /** Notes that a batch has begun: from here on the service has the file. */
  const begun = Effect.fnUntraced(function* (record: BatchRecord, remote: RemoteBatch) {
    const next = yield* store(record, { ...withRemote(record.state, remote), state: "under_way" })
    const input = join(record.folder, batchFile.input)
    yield* onDisk(input, () => rm(input, { force: true }))
    return next
  })

  return { submit, find, begun }
}
