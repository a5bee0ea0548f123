import { Effect, Layer, Stream } from "effect"
import { runBatch } from "../batch/run.ts"
import type { OutputRoots } from "../dataset/DatasetStore.ts"
import type { Pipeline } from "../pipeline.ts"
import { Executor } from "./Executor.ts"

/** `Executor` in this process, with the `Pipeline` that it is given. */
export const layer = Layer.effect(
  Executor,
  Effect.map(Effect.context<OutputRoots | Pipeline>(), (context) =>
    Executor.of({
      run: (videos, options) => Stream.provideSomeContext(runBatch(videos, options), context),
    }),
  ),
)
