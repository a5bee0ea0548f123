import { Effect, Either } from "effect"
import { defaultSheet } from "../../config.ts"
import { type Refined, type RefinedStep, refinedPlan } from "../annotate.ts"
import { foreseenSheet, plannedSheet, sheetPixels } from "../borders/sheet.ts"
import { beingAnswered } from "../call.ts"
import { draft } from "../draft.ts"
import { foreseenAnswer, neededCall } from "../foreseen.ts"
import { likelySteps } from "../likely-steps.ts"
import { mayKeep, type RunFacts } from "../run.ts"
import { knownOf, type Left, type Made, type NeededCall, type Outlook, whyNew } from "../Stage.ts"
import { neededImages, stepShowing } from "../showing.ts"
import { refineAsks, refineId, stepPrompt } from "../step-inquiry.ts"
import { type ForeseenStep, foreseenSteps } from "../step-outlook.ts"
import { verifyAsks, verifyId, verifyPrompt } from "./asks.ts"
import { type Look, lookInquiry, lookOutcome, withObjection } from "./look.ts"
import { sheetPart, stepSheetRequest, viewOf } from "./sheet.ts"

const sheetOf = ({ settings }: RunFacts) => settings.verify?.sheet ?? defaultSheet

const lookCall = (run: RunFacts, pictures: Pick<NeededCall, "sizes">, prompt?: string): NeededCall =>
  neededCall(run, verifyId, verifyAsks, "check of a step", { images: 1, distinct: 1, ...pictures }, prompt)

/** A sheet of frames whose number is not known: as large as one can be. */
const largestSheet = (run: RunFacts): Pick<NeededCall, "sizes"> => {
  const { columns, rows, tilePx } = sheetOf(run)
  const { displayHeight, displayWidth } = run.source
  const scale = tilePx / Math.max(displayWidth, displayHeight)
  return { sizes: [[Math.round(columns * displayWidth * scale), Math.round(rows * displayHeight * scale)]] }
}

/** Steps of which nothing is known: one look each, and for each that is refused another annotation and another look. */
const unknownChecks = (run: RunFacts, steps: number, why: string): Outlook<never> => {
  const { columns, rows } = sheetOf(run)
  return {
    made: Either.left(why),
    calls: Array.from({ length: steps }, () => lookCall(run, largestSheet(run))),
    decoded: Array.from({ length: steps }, () => columns * rows),
    further: 2 * steps,
  }
}

/** Looks that the answer to one may call for: that, and another annotation. */
const furtherOf = (look: Look): number => (look === 1 ? 2 : 0)

/** What a run would make of the check of one step. */
const foreseeCheck = Effect.fn("Survey.check")(function* (
  run: RunFacts,
  left: Left,
  { asked, outlook, request }: ForeseenStep,
) {
  const wanted = stepSheetRequest(run, request)
  const sheet = yield* foreseenSheet(wanted, mayKeep(run, verifyId, sheetPart(run, wanted)))
  const decoded = sheet === undefined ? [wanted.count] : []
  const pictures = { sizes: [sheetPixels(wanted)] }
  const view = viewOf(wanted, sheet ?? plannedSheet(wanted))
  const { objection } = yield* withObjection(run, asked, left)
  const look: Look = objection === undefined ? 1 : 2
  const toMake = (why: string, calls: ReadonlyArray<NeededCall>, further: number): Outlook<RefinedStep> => ({
    made: Either.left(why),
    calls: why === beingAnswered ? [] : calls,
    decoded,
    further,
  })
  if (Either.isLeft(outlook.made))
    return toMake(outlook.made.left, [lookCall(run, pictures)], furtherOf(look))
  const final = outlook.made.right
  const inquiry = lookInquiry(run, asked, final, look, view, lookOutcome(left, asked.draft, look))
  const answer = yield* foreseenAnswer(run, inquiry)
  if (Either.isLeft(answer))
    return toMake(answer.left, [lookCall(run, pictures, inquiry.prompt)], furtherOf(look))
  const { completed, differs } = answer.right.value
  if (look === 2 || completed !== "no")
    return { made: Either.right({ asked, final }), calls: [], decoded } satisfies Outlook<RefinedStep>
  // It was refused, and the run ended before that was acted upon.
  const prompt = stepPrompt(run, { ...asked, objection: differs }, run.settings.maxFrames)
  const images = neededImages(stepShowing(run.settings), request)
  const again = neededCall(run, refineId, refineAsks, "step", images, prompt)
  const second = lookCall(run, pictures, verifyPrompt(run, asked.goal, final, view.timestamps))
  return toMake("not done yet", [again, second], 0)
})

/** What a run would make of the checks of all steps. */
export const foreseeVerification = Effect.fnUntraced(function* (run: RunFacts, left: Left, known: Made) {
  const plan = knownOf(known, draft)?.plan
  const steps = yield* foreseenSteps(run, left, known)
  if (plan === undefined || steps === undefined)
    return unknownChecks(run, plan?.steps.length ?? (yield* likelySteps(run, left)), whyNew(left.verify))
  const outlooks = yield* Effect.forEach(steps, (step) => foreseeCheck(run, left, step))
  return {
    made: Either.map(Either.all(outlooks.map(({ made }) => made)), (all) => refinedPlan(plan, all)),
    calls: outlooks.flatMap(({ calls }) => calls),
    decoded: outlooks.flatMap(({ decoded }) => decoded),
    further: outlooks.reduce((sum, { further = 0 }) => sum + further, 0),
  } satisfies Outlook<Refined>
})
