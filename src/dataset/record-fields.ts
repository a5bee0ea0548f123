import * as v from "valibot"
import { poolSamplings } from "../plan/choices.ts"

// The forms of values that several records have.

/** Seconds on the source video's timeline. */
export const seconds = v.pipe(v.number(), v.finite())
export const index = v.pipe(v.number(), v.integer())
export const filled = v.pipe(v.string(), v.nonEmpty())
/** SHA-256, 64 hex digits. */
export const digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/u))

/** An instant, ISO 8601 in UTC. */
export const utc = v.pipe(v.string(), v.isoTimestamp())

/** `num/den`, seconds of one tick. */
export const timeBase = v.pipe(v.string(), v.regex(/^\d+\/\d+$/u))

/** How a pool's frames are chosen. */
export const sampling = v.picklist(poolSamplings)
