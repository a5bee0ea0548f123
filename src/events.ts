import { Context, type Effect } from "effect"
import type { StageNumber } from "./config.ts"

/** What happens during a run, in order, for whoever shows or records it. */
export type RunEvent =
  | {
      readonly type: "VideoStarted"
      readonly videoId: string
      readonly file: string
      readonly folder: string
    }
  /** `total` units of work lie ahead in this stage: one per frame pool, answer, clip or step. */
  | {
      readonly type: "StageStarted"
      readonly videoId: string
      readonly stage: StageNumber
      readonly total: number
    }
  /** One unit is done; `what` names it. `kept` if an earlier run had already done it. */
  | {
      readonly type: "StageAdvanced"
      readonly videoId: string
      readonly stage: StageNumber
      readonly what: string
      readonly kept: boolean
    }
  | {
      readonly type: "AnswerRejected"
      readonly videoId: string
      readonly stage: StageNumber
      readonly what: string
      readonly attempt: number
      readonly problems: ReadonlyArray<string>
    }
  | { readonly type: "StageFinished"; readonly videoId: string; readonly stage: StageNumber }
  | { readonly type: "Notice"; readonly videoId: string; readonly message: string }
  | { readonly type: "VideoFinished"; readonly videoId: string; readonly folder: string }
  | { readonly type: "VideoFailed"; readonly videoId: string; readonly message: string }

/** Where run events go: a terminal display, plain lines, or a host program's own listener. Must not fail or block. */
export class RunEvents extends Context.Tag("triptych/RunEvents")<
  RunEvents,
  { readonly publish: (event: RunEvent) => Effect.Effect<void> }
>() {}
