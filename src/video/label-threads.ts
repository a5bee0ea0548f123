import { Effect, Layer } from "effect"
import * as v from "valibot"
import type { LabelCall } from "../picture/labelling.ts"
import { inProcess } from "../picture/picture-size.ts"
import { FrameLabeller } from "./FrameLabeller.ts"
import { inMemory } from "./large-pictures.ts"
import { makeVideoWorkers } from "./workers.ts"

const entry = new URL("../../workers/labels.ts", import.meta.url)

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const LabelReply = v.array(v.strictObject({ offset: count, bytes: count, sha256: v.string() }))

export interface LabelThreadsSettings {
  /** Threads at most; they start when they are needed. */
  readonly size: number
  /** How long a thread may be silent before its request fails, in milliseconds. */
  readonly deadlineMs: number
}

/** Draws labels in threads, so that neither pictures nor their pixels pass through the main one. */
export const layer = (settings: LabelThreadsSettings): Layer.Layer<never> =>
  Layer.scoped(
    FrameLabeller,
    Effect.map(makeVideoWorkers({ entry, ...settings }), (pool) => ({
      draw: (call: LabelCall) =>
        pool
          .run({ file: call.output, request: call, result: LabelReply, item: v.never() })
          .pipe(inMemory(call.output, call.size, inProcess)),
    })),
  )
