import { join } from "node:path"
import { Effect } from "effect"
import { dropTemporary, giveName, temporaryPath } from "../../files/whole.ts"
import { type Retries, repeated } from "../client/repeated.ts"
import { ModelError } from "../VisionModel.ts"
import type { BatchService, RemoteBatch, ResultFile } from "./BatchService.ts"
import { onDisk } from "./disk.ts"
import { type BatchRecord, batchFile } from "./record.ts"

const notFetched = ({ folder, state }: BatchRecord, where: string, error: ModelError): ModelError =>
  new ModelError({
    ...error,
    message:
      error.rejection === "not_found"
        ? `the service has the results of the batch ${state.batch_id} no more (${where}); remove ${folder} to ask anew`
        : `the results of the batch ${state.batch_id} could not be fetched: ${error.message}`,
  })

/** Brings the results of batches from the service to the disk, whole or not at all. */
export const makeFetching = (service: BatchService, retries: Retries) => {
  const fetched = Effect.fnUntraced(function* (record: BatchRecord, remote: RemoteBatch, file: ResultFile) {
    const where = remote.results[file]
    if (where === undefined) return 0
    const path = join(record.folder, batchFile[file])
    const temporary = temporaryPath(path)
    const drop = Effect.promise(() => dropTemporary(temporary))
    const lines = yield* repeated(Effect.zipRight(drop, service.download(where, temporary)), retries).pipe(
      Effect.onError(() => drop),
      Effect.mapError((error) => notFetched(record, where, error)),
    )
    yield* onDisk(path, () => giveName(temporary, path))
    return lines
  })

  /** Fetches what a batch that has ended has left, finished or not: expired and cancelled ones have results too. */
  return Effect.fnUntraced(function* (record: BatchRecord, remote: RemoteBatch) {
    const lines = (yield* fetched(record, remote, "output")) + (yield* fetched(record, remote, "errors"))
    if (lines < Math.min(record.state.requests, remote.answered ?? 0))
      yield* new ModelError({
        reason: "Transient",
        message: `the service says that the batch ${remote.id} has ${remote.answered} answers, and its files have ${lines}: they are fetched again at the next look; remove ${record.folder} to give it up`,
      })
  })
}
