import { Effect } from "effect"
import { isFault } from "../../files/fault.ts"
import { faultText } from "../../files/fault-text.ts"
import { NotPlain } from "../../files/plain.ts"
import { PictureReadError } from "../protocols/lazy-body.ts"
import { ModelError } from "../VisionModel.ts"

/** Damage that nobody can work around. */
export class BatchDamaged extends Error {
  override readonly name = "BatchDamaged"
}

/** What went wrong with a file of a batch, as the one error of a call; a bug is thrown on. */
export const diskFault = (cause: unknown, path: string): ModelError => {
  if (cause instanceof ModelError) return cause
  if (cause instanceof PictureReadError)
    return new ModelError({ reason: "ImageUnreadable", message: cause.message })
  if (cause instanceof BatchDamaged) return new ModelError({ reason: "Unwritable", message: cause.message })
  if (cause instanceof NotPlain)
    return new ModelError({
      reason: "Unwritable",
      message: `${path} ${cause.message}; what is submitted with --batch is kept there`,
    })
  if (!isFault(cause)) throw cause
  return new ModelError({
    reason: "Unwritable",
    message: `${path}, where what is submitted with --batch is kept, cannot be written or read: ${faultText(cause)}`,
  })
}

/** Work with the files of a batch at `path`; of its failures only bugs are defects. */
export const onDisk = <A>(path: string, work: () => Promise<A>): Effect.Effect<A, ModelError> =>
  Effect.uninterruptible(Effect.tryPromise({ try: work, catch: (cause) => diskFault(cause, path) }))
