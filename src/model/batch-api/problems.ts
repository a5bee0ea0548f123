import { ModelError } from "../VisionModel.ts"
import type { RemoteBatch } from "./BatchService.ts"
import type { FileLimits } from "./input-file.ts"
import type { BatchRecord, BatchState } from "./record.ts"

/** Whether an error may say that the address has nothing but single requests. */
const hasNoBatches = ({ rejection, status }: ModelError): boolean =>
  rejection === "not_found" || status === 501

/** A batch that stays where it is. */
export const notSubmitted = ({ requests, state }: BatchState, error: ModelError): ModelError => {
  const next =
    state === "creating"
      ? "Whether the service has begun it, the next run asks there"
      : "Nothing was asked: the next run puts it together anew"
  const why = hasNoBatches(error)
    ? ". The service may have no batch API at this address: without --batch the same command asks it online"
    : ""
  return new ModelError({
    ...error,
    message: `a batch of ${requests} requests could not be submitted: ${error.message}. ${next}${why}`,
  })
}

/** A request of so many bytes fits no file. */
export const tooLarge = (bytes: number, { maxBytes }: FileLimits): ModelError =>
  new ModelError({
    reason: "Rejected",
    rejection: "too_large",
    message: `the request has ${bytes} bytes, and a file of a batch may have ${maxBytes}; send smaller images with --send-max-side, or fewer with --max-frames`,
  })

/** A request that was paid for often enough. */
export const lostTooOften = (times: number, folder: string): ModelError =>
  new ModelError({
    reason: "Rejected",
    message: `${times} batches were completed without a result for this request, and each of them may have been paid for; look at the service what is in their files, and remove their folders below ${folder} to ask again`,
  })

/** The service has no such batch. */
export const unknownBatch = ({ folder, state }: BatchRecord): ModelError =>
  new ModelError({
    reason: "Rejected",
    rejection: "not_found",
    message: `the service knows no batch ${state.batch_id}: is this the key that it was submitted with? If it is gone for good, remove ${folder} to ask anew`,
  })

/** What is worth saying of a batch from which something is still to come. */
export const anomalyOf = (
  { folder }: BatchRecord,
  { id, isKnownStatus, isLate, status }: RemoteBatch,
): string | undefined => {
  if (isLate)
    return `the service says that batch ${id} is ${status}, and names no file with its answers yet: it is looked at again; if that stays so, remove ${folder} to ask anew`
  return isKnownStatus
    ? undefined
    : `the service says that batch ${id} is "${status}", which is no word for a batch that is known here: it is waited for; if nothing more comes of it, remove ${folder} to ask anew`
}
