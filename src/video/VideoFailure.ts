import { WorkerFailure } from "../threads/serve.ts"
import type { ThreadFailureReason } from "./protocol.ts"

/**
 * What a thread throws when a video is at fault; the pool fails with a `VideoError` of this reason. It has a file of its own, so that
 * threads load no more than they run: every one of them reads its modules anew.
 */
export class VideoFailure extends WorkerFailure {
  constructor(
    override readonly reason: ThreadFailureReason,
    message: string,
  ) {
    super(reason, message)
  }
}
