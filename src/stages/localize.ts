import { layout } from "../dataset/layout.ts"
import type { Outcome } from "../dataset/run-summary.ts"
import { chooseBoundaries, distinctMoments } from "../model/motion.ts"
import type { ModelTask } from "../model/VisionModel.ts"
import type { DraftPlan } from "../plan/draft.ts"
import { fingerprint } from "../plan/fingerprint.ts"
import {
  checkLocalization,
  type Localization,
  type LocalizationContext,
  localizationSchema,
} from "../plan/localization.ts"
import { admitIndices } from "./admission.ts"
import { defineAnswerStage } from "./answer-stage.ts"
import { type Drafted, draft, fullPoolRequest } from "./draft.ts"
import { type Asks, textOfLength } from "./prompts.ts"
import type { Inquiry } from "./question.ts"
import type { RunFacts } from "./run.ts"
import { localizationContext } from "./segments.ts"
import { localizeShowing, neededImages, shownImages, shownInputs } from "./showing.ts"
import { type OutcomePlace, orFailed } from "./status.ts"

const id = { name: "localize", number: 2 } as const
const { dir, localization: artefact, segments, call: files } = layout.stage2

/** Names of what the stage and the clips cut after it leave, relative to the video's folder. */
export const paths = {
  localization_raw: `${dir}/${artefact}`,
  step_segments: `${dir}/${segments}`,
  system_prompt: `${dir}/${files.systemPrompt}`,
  user_prompt: `${dir}/${files.userPrompt}`,
  raw_response: `${dir}/${files.rawResponse}`,
}

/** Clips have the same place: without them the answer alone is not all that the contract's second stage makes. */
export const localizationPlace: OutcomePlace = {
  find: ({ stage2 }) => stage2,
  put: (progress, outcome) => ({ ...progress, stage2: { ...outcome, ...paths } }),
}

/** What it asks with; further readings do so, too. */
export const localizationAsks = {
  prompt: {
    file: "stage2",
    slots: { frame_count: "50", boundary_max: "51", step_count: "5", steps: textOfLength(5 * 130) },
    wording: ["pool_images"],
  },
  answer: "localization",
  schema: () => localizationSchema,
  answerTokens: 400,
} satisfies Asks

const stepLines = (draft: DraftPlan): string =>
  draft.steps
    .map(({ step_id, step_goal, causal_chain: { agent, action, patient } }) =>
      [`- Step ${step_id}: ${step_goal}`, `  (agent: ${agent}; action: ${action}; patient: ${patient})`].join(
        "\n",
      ),
    )
    .join("\n")

/** Rehearsed, every step begins where the pictures change most, and ends where the next one begins. */
export const localizationTask = ({
  boundarySeconds,
  stepIds,
}: Pick<LocalizationContext, "boundarySeconds" | "stepIds">): ModelTask => ({
  stage: id.name,
  stageNumber: id.number,
  answerTokens: localizationAsks.answerTokens,
  rehearse: (changes) => {
    const moments = distinctMoments(boundarySeconds.slice(0, -1))
    const starts = chooseBoundaries(moments, changes, stepIds.length)
    return {
      steps: stepIds.map((step_id, i) => ({
        step_id,
        start_frame_index: starts[i] ?? 1,
        end_frame_index: starts[i + 1] ?? boundarySeconds.length,
      })),
    }
  },
})

/** What is asked for a localization. */
export const localizationInquiry = (
  run: RunFacts,
  { isAdopted, plan, pool }: Drafted,
  previous: Outcome | undefined,
) => {
  const count = pool.timestamps.length
  const context = localizationContext(pool, run.source, plan)
  return {
    stage: id,
    what: "localization",
    dir: run.folder.stage2,
    files,
    artefact,
    isInPlan: true,
    inputs: fingerprint({
      pool: pool.fingerprint,
      draft: plan,
      rehearsal: run.rehearsal,
      ...shownInputs(localizeShowing(run.settings)),
    }),
    previous,
    mayAdopt: isAdopted,
    check: (json) => checkLocalization(context, json),
    task: localizationTask(context),
    prompt: run.prompts.fill(localizationAsks.prompt, {
      frame_count: String(count),
      boundary_max: String(count + 1),
      step_count: String(plan.steps.length),
      steps: stepLines(plan),
    }),
    schema: localizationAsks.schema(),
    images: shownImages(pool, localizeShowing(run.settings)),
  } satisfies Inquiry<Localization>
}

/** A `[start, end)` range on the full-video pool for every step of the plan. */
export const localize = defineAnswerStage({
  ...id,
  title: "localise",
  summary: "locate each step of the draft",
  weight: 1,
  asks: localizationAsks,
  admit: (source, settings) => admitIndices(source, settings, localizeShowing(settings)),
  from: draft,
  place: localizationPlace,
  what: "localization",
  inquiryOf: localizationInquiry,
  callsLeft: ({ plan }) => 1 + plan.steps.length,
  pictures: (run) => neededImages(localizeShowing(run.settings), fullPoolRequest(run)),
  ending: orFailed,
})
