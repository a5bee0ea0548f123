import { Effect, Layer } from "effect"
import { inProcess } from "../picture-size.ts"
import { VideoDecoder } from "../VideoDecoder.ts"
import { LibavPool } from "./libav-pool.ts"
import { makeWorkerDecoder } from "./worker-decoder.ts"

/** Decodes with libav in worker threads. */
export const layer: Layer.Layer<VideoDecoder, never, LibavPool> = Layer.effect(
  VideoDecoder,
  Effect.map(LibavPool, (pool) => makeWorkerDecoder("libav", pool, inProcess)),
)
