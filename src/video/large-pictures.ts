import { Context, Effect } from "effect"
import { gigabytes, isLarge, type PictureBudget } from "../picture/picture-size.ts"
import { VideoError } from "./VideoError.ts"

/** The one place for work on large pictures, shared by everything in this process. */
const place = Effect.unsafeMakeSemaphore(1)

/** Bytes of memory that can still be had; as the system says, or the limit that it sets for this process. */
export class MemoryAtHand extends Context.Reference<MemoryAtHand>()("triptych/MemoryAtHand", {
  defaultValue: () => (): number => process.availableMemory(),
}) {}

/**
 * Does work on pictures of a size: on large ones one piece of work at a time in all of this process. `Unsupported` if there is
 * not even memory for that.
 */
export const inMemory =
  (file: string, [width, height]: readonly [number, number], { bytesPerPixel }: PictureBudget) =>
  <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E | VideoError, R> => {
    if (!isLarge(width, height)) return work
    const alone = Effect.gen(function* () {
      const [needed, free] = [width * height * bytesPerPixel, (yield* MemoryAtHand)()]
      if (needed <= free) return yield* work
      const message = `${file}: its frames of ${width} x ${height} pixels take ${gigabytes(needed)} of memory one at a time, and ${gigabytes(free)} is free; free some, or give it a smaller video`
      return yield* new VideoError({ reason: "Unsupported", file, message })
    })
    return place.withPermits(1)(alone)
  }

/** Does work; where its pictures turn out to be large, once more when no other work on such goes on. */
export const aloneIfLarge = <A extends { readonly large?: readonly [number, number] }, E, R>(
  file: string,
  budget: PictureBudget,
  run: (alone: boolean) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E | VideoError, R> =>
  Effect.flatMap(
    run(false),
    (reply): Effect.Effect<A, E | VideoError, R> =>
      reply.large === undefined ? Effect.succeed(reply) : run(true).pipe(inMemory(file, reply.large, budget)),
  )
