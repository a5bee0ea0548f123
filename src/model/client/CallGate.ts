import { Context, type Effect } from "effect"
import type { LimitHints, ModelLoad } from "../VisionModel.ts"

/** What wants to pass. */
export interface Admission {
  /** Whose it is: those of the same rank take turns by key. */
  readonly key: string
  /** How many tokens it is thought to take. */
  readonly tokens: number
  /** Lower ranks go first. */
  readonly rank: number
}

/** How an admitted call ended, as far as the gate is concerned. */
export type GateOutcome =
  | { readonly type: "succeeded"; readonly tokens: number; readonly latencyMs: number }
  | { readonly type: "throttled"; readonly retryAfterMs: number | undefined }
  | { readonly type: "unreachable" }
  /** Answered, but of no use; says nothing about load. */
  | { readonly type: "other" }

/** Bounds the calls to one service. */
export interface Gate {
  /**
   * Waits for a place and runs `use` in it. `use` reports how the call ended before it returns; a call that never does so
   * (an interruption, a defect) counts as `other`. Tokens that were not used are given back.
   */
  readonly pass: <A, E, R>(
    admission: Admission,
    use: (report: (outcome: GateOutcome) => void) => Effect.Effect<A, E, R>,
  ) => Effect.Effect<A, E, R>
  readonly learn: (hints: LimitHints) => Effect.Effect<void>
  /** How it stands. */
  readonly load: Effect.Effect<ModelLoad>
}

/**
 * The one way to a service, for all who share its limits: the calls of one process (`inProcess` in `gate.ts`), or, with an
 * implementation of one's own, of several.
 */
export class CallGate extends Context.Tag("triptych/CallGate")<CallGate, Gate>() {}
