import { join } from "node:path/posix"
import { Effect } from "effect"
import * as v from "valibot"
import { layout } from "../dataset/layout.ts"
import { readJson } from "../dataset/store.ts"
import type { StepBounds } from "../plan/step-range.ts"
import type { RunFacts } from "./run.ts"
import type { Left } from "./Stage.ts"

/** Steps of a plan that is not drafted yet: five, or as near to it as a plan may have. */
export const assumedSteps = ({ max, min }: StepBounds): number => Math.min(max, Math.max(min, 5))

/**
 * Steps of the plan on disk, whatever becomes of it: the best guess at those of the next one. That of a rehearsal says nothing
 * of a model's.
 */
export const likelySteps = (run: RunFacts, left: Left) =>
  left.rehearsal !== run.rehearsal
    ? Effect.succeed(assumedSteps(run.annotation.steps))
    : Effect.map(readJson(join(run.folder.stage1, layout.stage1.draft)), (json) => {
        const parsed = v.safeParse(v.object({ steps: v.pipe(v.array(v.unknown()), v.minLength(1)) }), json)
        return parsed.success ? parsed.output.steps.length : assumedSteps(run.annotation.steps)
      })
