import { Effect, Layer } from "effect"
import { byCommandLine } from "../../picture/picture-size.ts"
import { VideoDecoder } from "../VideoDecoder.ts"
import { makeWorkerDecoder } from "../worker-decoder.ts"
import { WasmPool } from "./workers.ts"

/** Decodes with ffmpeg in WebAssembly, in worker threads. */
export const layer: Layer.Layer<VideoDecoder, never, WasmPool> = Layer.effect(
  VideoDecoder,
  Effect.map(WasmPool, (pool) => makeWorkerDecoder("wasm", pool, byCommandLine)),
)
