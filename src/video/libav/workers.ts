import { Context, Layer } from "effect"
import { makeVideoWorkers, type VideoWorkers } from "../workers.ts"

/** The threads that run libav, shared by the decoder and the cutter. */
export class LibavPool extends Context.Tag("triptych/LibavPool")<LibavPool, VideoWorkers>() {}

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
  Layer.scoped(LibavPool, makeVideoWorkers({ entry, endable: false, ...settings }))
