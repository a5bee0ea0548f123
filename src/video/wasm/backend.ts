import { closeSync, openSync } from "node:fs"
import { Effect } from "effect"
import { byCommandLine } from "../../picture/picture-size.ts"
import type { Backend } from "../Backend.ts"
import { readableSize } from "../readable.ts"
import { VideoError } from "../VideoError.ts"
import { loads, makeWorkerDecoder } from "../worker-decoder.ts"
import { makeVideoWorkers, type ThreadSettings, type VideoWorkers } from "../workers.ts"
import { makeCutter } from "./cutter.ts"
import type { WasmCall, WasmRequest } from "./handle.ts"
import type { OpenFile } from "./media.ts"
import { compileCore } from "./module.ts"

const NAME = "wasm"
const entry = new URL("../../../workers/wasm.ts", import.meta.url)

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

/** The threads that run ffmpeg in WebAssembly; an instance is two of them and some 70 MB. */
export const makeThreads = Effect.fn("Wasm.threads")(function* (settings: ThreadSettings) {
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

/** Decodes and cuts with ffmpeg in WebAssembly, in these threads. */
export const onThreads = (pool: VideoWorkers): Backend => ({
  name: NAME,
  available: loads(pool),
  decoder: makeWorkerDecoder(NAME, pool, byCommandLine),
  cutter: makeCutter(NAME, pool),
})

/** The same, in threads of its own. */
export const make = (settings: ThreadSettings) => Effect.map(makeThreads(settings), onThreads)
