import { Effect, Layer } from "effect"
import { inProcess } from "../../picture/picture-size.ts"
import { VideoDecoder } from "../VideoDecoder.ts"
import { makeWorkerDecoder } from "../worker-decoder.ts"
import { LibavPool } from "./workers.ts"

/** Decodes with libav in worker threads. */
export const layer: Layer.Layer<VideoDecoder, never, LibavPool> = Layer.effect(
  VideoDecoder,
  Effect.map(LibavPool, (pool) => makeWorkerDecoder("libav", pool, inProcess)),
)
