import { Effect, Either } from "effect"
import { layout } from "../dataset/layout.ts"
import type { Outcome } from "../dataset/records.ts"
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
import { keepOrAsk } from "./call.ts"
import { type Drafted, draft, fullPoolRequest } from "./draft.ts"
import { foreseenAnswer, neededCall, outlookOf } from "./foreseen.ts"
import { poolImages } from "./pool-images.ts"
import { distinctFrames, planFrames } from "./pool-plan.ts"
import type { Asks } from "./prompts.ts"
import type { Inquiry } from "./question.ts"
import type { RunFacts, VideoRun } from "./run.ts"
import { defineStage, knownOf, type Left, type Made, resultOf, whyNew } from "./Stage.ts"
import { localizationContext } from "./segments.ts"
import { noteAt, type OutcomePlace, orFailed } from "./status.ts"

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

const asks = {
  prompt: { file: "stage2", slots: { frame_count: "50", boundary_max: "51", step_count: "5", steps: "" } },
  answer: "localization",
  schema: () => localizationSchema,
  answerTokens: 400,
} satisfies Asks

/** A localization, and whether it is the original implementation's. */
export interface Localized {
  readonly localization: Localization
  readonly isAdopted: boolean
}

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
  answerTokens: asks.answerTokens,
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
    inputs: fingerprint({ pool: pool.fingerprint, draft: plan, rehearsal: run.rehearsal }),
    previous,
    mayAdopt: isAdopted,
    check: (json) => checkLocalization(context, json),
    task: localizationTask(context),
    prompt: run.prompts.fill(asks.prompt, {
      frame_count: String(count),
      boundary_max: String(count + 1),
      step_count: String(plan.steps.length),
      steps: stepLines(plan),
    }),
    schema: asks.schema(),
    images: poolImages(pool, run.settings.imageLabels),
  } satisfies Inquiry<Localization>
}

const make = Effect.fnUntraced(function* (run: VideoRun, made: Made) {
  const drafted = resultOf(made, draft)
  const { stage2: previous } = yield* run.summary.progress
  const localization = yield* keepOrAsk(run, {
    ...localizationInquiry(run, drafted, previous),
    callsLeft: 1 + drafted.plan.steps.length,
    note: noteAt(run, localizationPlace),
  })
  const { stage2 } = yield* run.summary.progress
  return { localization, isAdopted: stage2?.adopted === true } satisfies Localized
})

const foresee = Effect.fnUntraced(function* (run: RunFacts, { stage2 }: Left, known: Made) {
  const drafted = knownOf(known, draft)
  const answer =
    drafted === undefined
      ? Either.left(whyNew(stage2))
      : yield* foreseenAnswer(run, localizationInquiry(run, drafted, stage2))
  const made = Either.map(answer, ({ isAdopted, value }): Localized => ({ localization: value, isAdopted }))
  const distinct = distinctFrames(planFrames(fullPoolRequest(run)))
  return outlookOf(made, neededCall(run, id, asks, "localization", distinct))
})

/** A `[start, end)` range on the full-video pool for every step of the plan. */
export const localize = defineStage({
  ...id,
  title: "localise",
  summary: "locate each step of the draft",
  needs: [draft],
  weight: 1,
  asks,
  admit: admitIndices,
  parts: () => 1,
  make: (run, made) => orFailed(run, localizationPlace)(make(run, made)),
  foresee,
})
