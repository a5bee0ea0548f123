import { closeSync, openSync } from "node:fs"
import { Context, Effect, Layer } from "effect"
import { readableSize } from "../readable.ts"
import { VideoError } from "../VideoError.ts"
import { makeVideoWorkers, type VideoWorkers } from "../workers.ts"
import type { WasmCall, WasmRequest } from "./handle.ts"
import type { OpenFile } from "./media.ts"
import { compileCore } from "./module.ts"

/** The threads that run ffmpeg in WebAssembly, shared by the decoder and the cutter. */
export class WasmPool extends Context.Tag("triptych/WasmPool")<WasmPool, VideoWorkers>() {}

export interface WasmPoolSettings {
  /** Instances at most, each of them two threads and some 70 MB. */
  readonly size: number
  /** How long a thread may be silent before its request fails, in milliseconds. */
  readonly deadlineMs: number
  /** The module of the threads; default the one under `workers/`. */
  readonly entry?: URL
}

const textOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** Opens a file for the time of one request, for all threads: one that is ended in the midst of work leaves nothing open. */
const openSource = (file: string) =>
  Effect.acquireRelease(
    Effect.gen(function* () {
      const sizeBytes = yield* readableSize(file)
      const fd = yield* Effect.try({
        try: () => openSync(file, "r"),
        catch: (cause) =>
          new VideoError({
            reason: "NotReadable",
            file,
            message: `${file} cannot be opened: ${textOf(cause)}`,
            cause,
          }),
      })
      return { fd, sizeBytes } satisfies OpenFile
    }),
    ({ fd }) => Effect.sync(() => closeSync(fd)),
  )

const entry = new URL("../../../workers/wasm.ts", import.meta.url)

const make = Effect.fn("WasmPool.make")(function* (settings: WasmPoolSettings) {
  const pool = yield* makeVideoWorkers({ entry, ...settings })
  const compiled = Effect.tryPromise({
    try: compileCore,
    catch: (cause) =>
      new VideoError({
        reason: "BackendUnavailable",
        file: "",
        message: `ffmpeg.wasm does not load: ${textOf(cause)}`,
        cause,
      }),
  })
  const run: VideoWorkers["run"] = (call, onItem) =>
    Effect.scoped(
      Effect.gen(function* () {
        const source = call.file === "" ? undefined : yield* openSource(call.file)
        const module = yield* compiled
        // Whoever has this pool asks for what its workers know.
        const request: WasmRequest = { call: call.request as WasmCall, module, source }
        return yield* pool.run({ ...call, request }, onItem)
      }),
    )
  return { ...pool, run } satisfies VideoWorkers
})

export const layer = (settings: WasmPoolSettings): Layer.Layer<WasmPool> =>
  Layer.scoped(WasmPool, make(settings))
