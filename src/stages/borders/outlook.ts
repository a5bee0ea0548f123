import { Effect, Either } from "effect"
import { draft } from "../draft.ts"
import { foreseenAnswer, neededCall } from "../foreseen.ts"
import { likelySteps } from "../likely-steps.ts"
import { localize } from "../localize.ts"
import type { RunFacts } from "../run.ts"
import { knownOf, type Left, type Made, type NeededCall, type Outlook, whyNew } from "../Stage.ts"
import { borderAsks, bordersId } from "./asks.ts"
import { keyOf, levelInquiry, levelOf } from "./level.ts"
import { outcomeOf } from "./outcomes.ts"
import { type FoundBorder, foundBorder, inOrder, type LocatedBorder, locateBorders } from "./places.ts"
import { advance, beginSearch, expectedWindows, nextWindow, type SearchSpace, type Window } from "./search.ts"
import { type SettledBorder, settle } from "./settled.ts"
import { spaceOf } from "./space.ts"
import { foreseeView, picturesOf } from "./view.ts"

const lookCall = (run: RunFacts, window: Window, prompt?: string): NeededCall =>
  neededCall(run, bordersId, borderAsks, "border", picturesOf(run, window), prompt)

/** What a run would make of one border: levels that are answered are gone through, and those that follow are expected by the spacing. */
const foreseeBorder = Effect.fn("Survey.border")(function* (
  run: RunFacts,
  left: Left,
  space: SearchSpace,
  border: LocatedBorder,
) {
  const decoded: Array<number> = []
  let search = beginSearch(border.bracket)
  for (;;) {
    const window = nextWindow(space, search)
    if (window === undefined) {
      return {
        made: Either.right(foundBorder(border, search)),
        calls: [],
        decoded,
      } satisfies Outlook<FoundBorder>
    }
    const level = levelOf(border, search, window)
    const { isThere, view } = yield* foreseeView(run, keyOf(run, level), window)
    if (!isThere) decoded.push(window.positions.length)
    const inquiry = levelInquiry(run, level, view, outcomeOf(left, level))
    const answer = yield* foreseenAnswer(run, inquiry)
    if (Either.isRight(answer)) {
      search = advance(space, search, window, answer.right.value)
      continue
    }
    const [, ...later] = expectedWindows(space, search)
    return {
      made: Either.left(answer.left),
      calls: [lookCall(run, window, inquiry.prompt), ...later.map((next) => lookCall(run, next))],
      decoded: [...decoded, ...later.map(({ positions }) => positions.length)],
      further: search.hasMoved ? 0 : 1,
    } satisfies Outlook<FoundBorder>
  }
})

const sumOf = (outlooks: ReadonlyArray<Pick<Outlook<unknown>, "further">>): number =>
  outlooks.reduce((sum, { further = 0 }) => sum + further, 0)

/** Borders of steps that are not localised yet: one before each of them and one after the last, at the spacing of the pool. */
const unknownBorders = (run: RunFacts, space: SearchSpace, steps: number, why: string): Outlook<never> => {
  const frames = space.seconds.length
  const gap = Math.max(1, Math.round(frames / run.settings.maxFrames))
  const middle = Math.floor(frames / 2)
  const windows = expectedWindows(space, beginSearch({ lo: Math.max(0, middle - gap), hi: middle }))
  const borders = Array.from({ length: steps + 1 }, () => windows).flat()
  return {
    made: Either.left(why),
    calls: borders.map((window) => lookCall(run, window)),
    decoded: borders.map(({ positions }) => positions.length),
    further: windows.length === 0 ? 0 : steps + 1,
  }
}

/** What a run would make of all borders. */
export const foreseeBorders = Effect.fnUntraced(function* (run: RunFacts, left: Left, known: Made) {
  const drafted = knownOf(known, draft)
  const localized = knownOf(known, localize)
  const space = spaceOf(run)
  if (drafted === undefined || localized === undefined) {
    const steps = drafted?.plan.steps.length ?? (yield* likelySteps(run, left))
    return unknownBorders(run, space, steps, whyNew(left.borders))
  }
  const located = locateBorders(drafted.pool, run.source, drafted.plan, localized.value)
  const outlooks = yield* Effect.forEach(located, (border) => foreseeBorder(run, left, space, border))
  return {
    made: Either.map(Either.all(outlooks.map(({ made }) => made)), (found) =>
      inOrder(run.source, found).map((border) => settle(run.source, space, border)),
    ),
    calls: outlooks.flatMap(({ calls }) => calls),
    decoded: outlooks.flatMap(({ decoded }) => decoded),
    further: sumOf(outlooks),
  } satisfies Outlook<ReadonlyArray<SettledBorder>>
})
