import { join } from "node:path"
import { Effect } from "effect"
import * as v from "valibot"
import { unreadable } from "../dataset/DatasetError.ts"
import { openVideo } from "../dataset/open.ts"
import type { Card } from "../demo/card.ts"
import { writtenNote } from "../demo/written-model.ts"

const relation = v.object({ relation: v.string(), objects: v.array(v.string()), truth: v.boolean() })

/** What is shown of a step: part of the `structured` annotation schema. */
const shownSchema = v.object({
  step_goal: v.string(),
  causal_chain: v.object({
    agent: v.string(),
    action: v.string(),
    patient: v.string(),
    causal_precondition_on_spatial: v.array(relation),
    causal_effect_on_spatial: v.array(relation),
  }),
  critical_frames: v.array(v.object({ action_state_change_description: v.string() })),
})

/** `jug on_top_of table`, and `not jug on_top_of table` if that does not hold. */
const relationText = ({
  relation: name,
  objects: [first = "", ...others],
  truth,
}: v.InferOutput<typeof relation>) => [...(truth ? [] : ["not"]), first, name, ...others].join(" ")

const pictureAt = (path: string) =>
  Effect.tryPromise({ try: () => Bun.file(path).bytes(), catch: unreadable(path) })

/** One step of the finished demo video as it is shown to a newcomer, read from its folder. */
export const demoStep = Effect.fn("Demo.step")(function* (folder: string, stepId: number) {
  const { steps, durationSec } = yield* openVideo(folder)
  const step = steps.find((each) => each.stepId === stepId)
  if (step === undefined) return yield* Effect.dieMessage(`the demo has no step ${stepId}`)
  const shown = v.parse(shownSchema, step.annotation)
  const { agent, action, patient } = shown.causal_chain
  const keyframes = yield* Effect.forEach(step.keyframes, ({ imagePath, frameIndex, timestampSec }, i) =>
    Effect.map(pictureAt(join(folder, imagePath)), (jpeg) => ({
      jpeg,
      frameIndex,
      timestampSec,
      description: shown.critical_frames[i]?.action_state_change_description ?? "",
    })),
  )
  return {
    stepId,
    goal: shown.step_goal,
    action: `agent: ${agent}  ·  action: ${action}  ·  patient: ${patient}`,
    before: shown.causal_chain.causal_precondition_on_spatial.map(relationText),
    after: shown.causal_chain.causal_effect_on_spatial.map(relationText),
    keyframes,
    steps,
    durationSec,
    note: writtenNote,
  } satisfies Card
})

/** The same in a few lines. */
export const demoStepLines = ({
  stepId,
  steps,
  goal,
  action,
  before,
  after,
  keyframes,
}: Card): ReadonlyArray<string> => {
  const { startSec = 0, endSec = 0 } = steps[stepId - 1] ?? {}
  return [
    `   Step ${stepId} of ${steps.length}: ${goal}, ${startSec.toFixed(2)} to ${endSec.toFixed(2)} s`,
    `   ${action}`,
    `   before    ${before.join("; ")}`,
    `   after     ${after.join("; ")}`,
    ...keyframes.map(
      ({ timestampSec, description }) => `   keyframe  ${timestampSec.toFixed(2)} s  ${description}`,
    ),
  ]
}
