import { Context, Layer } from "effect"
import { makeWorkerPool, type WorkerPool } from "../pool.ts"

/** The threads that run libav, shared by the decoder and the cutter. */
export class LibavPool extends Context.Tag("triptych/LibavPool")<LibavPool, WorkerPool>() {}

export interface LibavPoolSettings {
  /** Threads at most. */
  readonly size: number
  /** How long a thread may be silent before its request fails, in milliseconds. */
  readonly deadlineMs: number
}

/**
 * Ending a thread that has loaded the bindings can break them in the others, so a thread that is only slow to notice that it
 * was cancelled is given time.
 */
const CANCEL_GRACE_MS = 5000

const entry = new URL("../../../workers/libav.ts", import.meta.url)

export const layer = (settings: LibavPoolSettings): Layer.Layer<LibavPool> =>
  Layer.scoped(LibavPool, makeWorkerPool({ entry, cancelGraceMs: CANCEL_GRACE_MS, ...settings }))
