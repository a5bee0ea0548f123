import { Context, Effect, Layer } from "effect"
import * as v from "valibot"
import { makeWorkerPool, type WorkerPool } from "../pool.ts"
import { type LibavCall, PingReply } from "../protocol.ts"

/** The threads that run libav, shared by the decoder and the cutter. */
export class LibavPool extends Context.Tag("triptych/LibavPool")<LibavPool, WorkerPool>() {}

export interface LibavPoolSettings {
  /** Threads at most. */
  readonly size: number
  /** How long a thread may be silent before its request fails, in milliseconds. */
  readonly deadlineMs: number
}

/** Succeeds once a thread has loaded libav. */
export const loads = (pool: WorkerPool) => {
  const request: LibavCall = { type: "ping" }
  return Effect.asVoid(pool.run({ file: "", request, result: PingReply, item: v.never() }))
}

const entry = new URL("../../../workers/libav.ts", import.meta.url)

export const layer = (settings: LibavPoolSettings): Layer.Layer<LibavPool> =>
  Layer.scoped(LibavPool, makeWorkerPool({ entry, ...settings }))
