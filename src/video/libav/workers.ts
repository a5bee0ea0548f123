import { Context, Layer } from "effect"
import { makeWorkerPool, type WorkerPool } from "../../threads/pool.ts"

/** The threads that run libav, shared by the decoder and the cutter. */
export class LibavPool extends Context.Tag("triptych/LibavPool")<LibavPool, WorkerPool>() {}

export interface LibavPoolSettings {
  /** Threads at most. */
  readonly size: number
  /** How long a thread may be silent before its request fails, in milliseconds. */
  readonly deadlineMs: number
  /** The module of the threads; default the one under `workers/`. */
  readonly entry?: URL
}

const entry = new URL("../../../workers/libav.ts", import.meta.url)

/** A thread that is ended while it is in native code takes the whole process with it: none is. */
export const layer = (settings: LibavPoolSettings): Layer.Layer<LibavPool> =>
  Layer.scoped(LibavPool, makeWorkerPool({ entry, endable: false, ...settings }))
