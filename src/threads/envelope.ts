import * as v from "valibot"

/** Places in the shared `Int32Array` that steers a running request. */
export const CANCEL = 0
export const CREDITS = 1
/** Items a worker may send before the consumer has taken the first. */
export const INITIAL_CREDITS = 2

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))

/** Starts a request. `control` holds two 32-bit integers: the cancel flag and the credits. */
export const StartMessage = v.strictObject({
  type: v.literal("start"),
  id: count,
  request: v.unknown(),
  control: v.instance(SharedArrayBuffer),
})
export type StartMessage = v.InferOutput<typeof StartMessage>

/** Everything a worker says. `alive` breaks the silence of a long operation, `crashed` is its last word. */
export const WorkerMessage = v.variant("type", [
  v.strictObject({ type: v.literal("ready") }),
  v.strictObject({ type: v.literal("unavailable"), message: v.string() }),
  v.strictObject({ type: v.literal("alive"), id: count }),
  v.strictObject({ type: v.literal("item"), id: count, item: v.unknown() }),
  v.strictObject({ type: v.literal("done"), id: count, result: v.unknown() }),
  v.strictObject({ type: v.literal("failed"), id: count, reason: v.string(), message: v.string() }),
  v.strictObject({ type: v.literal("cancelled"), id: count }),
  v.strictObject({ type: v.literal("crashed"), message: v.string() }),
])
export type WorkerMessage = v.InferOutput<typeof WorkerMessage>
