import { Effect } from "effect"
import type { ModelError } from "../VisionModel.ts"

/** Does something with each, all of them, and fails with the first error at last. */
export const eachInTurn = <A>(
  all: ReadonlyArray<A>,
  work: (one: A) => Effect.Effect<void, ModelError>,
): Effect.Effect<void, ModelError> =>
  Effect.flatMap(
    Effect.forEach(all, (one) => Effect.either(work(one))),
    (results) => Effect.all(results, { discard: true }),
  )
