import { rm } from "node:fs/promises"
import { Effect, Layer } from "effect"
import * as v from "valibot"
import { ClipCutter, type CutRequest } from "../ClipCutter.ts"
import { CutReply, type LibavCall } from "../protocol.ts"
import { LibavPool } from "./libav-pool.ts"
import { loads } from "./worker-decoder.ts"

const BACKEND = "libav"

const make = Effect.gen(function* () {
  const pool = yield* LibavPool

  const cut = Effect.fn("ClipCutter.cut")(function* ({ source, ...settings }: CutRequest) {
    const { startPts, endPts } = settings
    const request: LibavCall = {
      type: "cut",
      file: source.file,
      streamIndex: source.streamIndex,
      timeBase: source.timeBase,
      framePts: source.framePts.filter((pts) => pts >= startPts && pts < endPts),
      ...settings,
    }
    // The worker removes what it wrote; this is for a worker that had to be ended.
    const remove = Effect.ignore(Effect.tryPromise(() => rm(settings.output, { force: true })))
    const reply = yield* pool
      .run({ file: source.file, request, result: CutReply, item: v.never() })
      .pipe(Effect.onError(() => remove))
    // A copy holds packets that may not decode; a frame counts if the index knows it.
    const frames = source.framePts.filter((pts) => pts >= reply.firstPts && pts < endPts).length
    return { frames, firstPts: reply.firstPts, cutter: BACKEND }
  })

  return ClipCutter.of({ backend: BACKEND, available: loads(pool), cut })
})

/** Cuts with libav in worker threads. */
export const layer: Layer.Layer<ClipCutter, never, LibavPool> = Layer.effect(ClipCutter, make)
