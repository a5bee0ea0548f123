import { Context, type Effect } from "effect"
import type { ModelError } from "../VisionModel.ts"

/** What has been submitted and has not come back. */
export interface UnderWay {
  readonly batches: number
  readonly requests: number
  /** What has them answered, each a command word by word, where no service does that by itself. */
  readonly commands?: ReadonlyArray<ReadonlyArray<string>>
}

/**
 * The requests of a run that are submitted as files. While the run goes on, `VisionModel` fails with `Deferred` for each of them; once
 * nothing else can be done, whoever has the run in hand sends them off.
 */
export class ModelBatches extends Context.Tag("triptych/ModelBatches")<
  ModelBatches,
  {
    /** Submits what has come together. Nothing is lost where it fails: the next time hands it in. */
    readonly submit: Effect.Effect<void, ModelError>
    /** Looks once how the batches stand, and fetches what has ended; how many have. */
    readonly collect: Effect.Effect<number, ModelError>
    readonly underWay: Effect.Effect<UnderWay>
  }
>() {}
