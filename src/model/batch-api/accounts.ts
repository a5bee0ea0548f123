import type { Effect } from "effect"
import type { Charge } from "../client/charge.ts"
import type { ModelError } from "../VisionModel.ts"
import type { Result } from "./lines.ts"
import type { BatchedRequest } from "./record.ts"

/** What the keeper of the money is told. */
export interface Accounts {
  /** Before a request is submitted; fails if there is no money for it. */
  readonly reserve: (request: BatchedRequest) => Effect.Effect<void, ModelError>
  /** A request was submitted by an earlier command, and is under way. */
  readonly isOut: (request: BatchedRequest) => void
  /** What a result has cost; undefined if nothing. Absent where nobody wants to know: it takes a look at every answer. */
  readonly chargeFor?: (request: BatchedRequest, result: Result) => Charge | undefined
  /** A request has ended, with what it has cost; undefined if nothing came of it. */
  readonly settle: (request: BatchedRequest, charge: Charge | undefined) => Effect.Effect<void>
}
