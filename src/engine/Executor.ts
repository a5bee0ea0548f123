import { Context, type Stream } from "effect"
import type { BatchOptions } from "../batch/run.ts"
import type { RunEvent } from "../events.ts"

/** How a batch is executed: in this process, or by others that are told what to do. */
export class Executor extends Context.Tag("triptych/Executor")<
  Executor,
  {
    /**
     * Runs videos as they come in, and tells what happens: as `runBatch` does, whoever does the work. The last event is
     * `BatchFinished`; the stream fails only if the input fails.
     */
    readonly run: <E, R>(
      videos: Stream.Stream<string, E, R>,
      options: BatchOptions,
    ) => Stream.Stream<RunEvent, E, R>
  }
>() {}
