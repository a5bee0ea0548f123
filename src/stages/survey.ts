import { Effect, Either } from "effect"
import type { DatasetError } from "../dataset/DatasetError.ts"
import { missingStage } from "./call.ts"
import { isSelected, type RunFacts } from "./run.ts"
import { type Left, type Made, type NeededCall, nothingMade, type Stage } from "./Stage.ts"

/** What a run would make of one video. */
export interface Survey {
  readonly calls: ReadonlyArray<NeededCall>
  /** Pools whose pictures would be decoded, each by its number of different pictures. */
  readonly decoded: ReadonlyArray<number>
  /** How many more calls answers may call for, at most. */
  readonly further: number
  /** What would fail the video after these calls. */
  readonly failure: DatasetError | undefined
}

/**
 * Looks at what an earlier run has left of a video, with the checks of a run, and tells what a run would still make. Nothing is
 * asked, decoded or written. What is made from an answer that is missing counts as missing too, also where the new answer
 * might turn out to be the old one.
 *
 * @param stages those that are gone through, in order; at the first that would have to ask and may not, the video fails
 */
export const survey = Effect.fn("Stage.survey")(function* (
  run: RunFacts,
  left: Left,
  stages: ReadonlyArray<Stage>,
) {
  let known: Made = nothingMade
  const calls: Array<NeededCall> = []
  const decoded: Array<number> = []
  let further = 0
  for (const stage of stages) {
    const outlook = yield* stage.survey(run, left, known)
    decoded.push(...outlook.decoded)
    const [call] = outlook.calls
    if (call !== undefined && Either.isLeft(outlook.made) && !isSelected(run, stage)) {
      const failure = missingStage({ ...call, dir: run.folder.location }, outlook.made.left)
      return { calls, decoded, further, failure } satisfies Survey
    }
    calls.push(...outlook.calls)
    further += outlook.further ?? 0
    known = Either.getOrElse(outlook.made, () => known)
  }
  return { calls, decoded, further, failure: undefined } satisfies Survey
})
