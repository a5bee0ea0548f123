import { Effect, Layer } from "effect"
import { byCommandLine } from "../picture-size.ts"
import { VideoDecoder } from "../VideoDecoder.ts"
import { WasmPool } from "./wasm-pool.ts"
import { makeWorkerDecoder } from "./worker-decoder.ts"

/** Decodes with ffmpeg in WebAssembly, in worker threads. */
export const layer: Layer.Layer<VideoDecoder, never, WasmPool> = Layer.effect(
  VideoDecoder,
  Effect.map(WasmPool, (pool) => makeWorkerDecoder("wasm", pool, byCommandLine)),
)
