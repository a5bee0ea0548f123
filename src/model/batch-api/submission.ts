import { rm } from "node:fs/promises"
import { basename, join } from "node:path"
import { Effect } from "effect"
import { repeated } from "../client/repeated.ts"
import { ModelError } from "../VisionModel.ts"
import { onDisk } from "./disk.ts"
import { type BatchRecord, type BatchState, batchFile } from "./record.ts"
import type { RemoteBatch } from "./remote.ts"
import type { BatchService } from "./service.ts"

/** How often a call is made again, and after how long. */
export interface Retries {
  readonly callRetries: number
  readonly callRetryBackoffSec: number
}

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

/** By what a batch is found again. No two have the same, also where their files are alike. */
const tagOf = ({ folder, state }: BatchRecord): string =>
  `${basename(folder)}-${state.input_sha256.slice(0, 32)}`

const fileIdOf = ({ state: { input_file_id: id } }: BatchRecord): Effect.Effect<string> =>
  id === undefined ? Effect.dieMessage("a batch is created of a file that is there") : Effect.succeed(id)

/** Whether nobody knows after this error whether the service has done what it was asked. */
const isUnsureAfter = ({ isUnreachable, mayBePaid, reason }: ModelError): boolean =>
  reason === "Transient" && (mayBePaid === true || isUnreachable !== true)

/** Brings batches from the disk to the service, each once, whatever is lost on the way. */
export const makeSubmission = (service: BatchService, retries: Retries, store: Store) => {
  const look = (record: BatchRecord) =>
    Effect.flatMap(fileIdOf(record), (fileId) => service.find(fileId, tagOf(record)))

  const cannotTell = (record: BatchRecord, error: ModelError): ModelError =>
    error.rejection === "not_found" || error.rejection === "answer_unreadable"
      ? new ModelError({
          reason: "Rejected",
          rejection: error.rejection,
          message: `nobody can tell whether the service has begun a batch of the file ${record.state.input_file_id}: ${error.message}. Look there, and remove ${record.folder} if it has not`,
        })
      : error

  /** The batch that the service has of a file; undefined if it has none. */
  const find = (record: BatchRecord): Effect.Effect<RemoteBatch | undefined, ModelError> =>
    Effect.mapError(repeated(look(record), retries), (error) => cannotTell(record, error))

  /** Has it begin. Where an answer was lost, the service is asked whether it has, before it is told once more. */
  const create = Effect.fnUntraced(function* (record: BatchRecord, wasTold: boolean) {
    const fileId = yield* fileIdOf(record)
    let isUnsure = wasTold
    const attempt = Effect.gen(function* () {
      const known = isUnsure
        ? yield* Effect.mapError(look(record), (error) => cannotTell(record, error))
        : undefined
      if (known !== undefined) return known
      isUnsure = false
      return yield* service.create(fileId, record.state.url, tagOf(record)).pipe(
        Effect.tapError((error) => {
          isUnsure = isUnsureAfter(error)
          if (error.reason === "Transient" || error.reason === "Throttled") return Effect.void
          // What was refused was not created: it can be submitted another time, as another file.
          const { input_file_id: _gone, ...rest } = record.state
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
      const name = `triptych-${record.state.input_sha256.slice(0, 32)}.jsonl`
      const fileId = yield* repeated(service.upload(join(record.folder, batchFile.input), name), retries)
      record = yield* store(record, { ...record.state, state: "creating", input_file_id: fileId })
    }
    const remote = yield* create(record, wasTold)
    yield* begun(record, remote)
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
