import { Effect } from "effect"
import type { RunSettings } from "../../config.ts"
import { borderName, flagsOf } from "../../dataset/border-flags.ts"
import { labelBox } from "../../picture/overlay.ts"
import type { VideoSource } from "../../video/VideoDecoder.ts"
import { VideoError } from "../../video/VideoError.ts"
import { badgeOf } from "../badges.ts"
import { keepOrAsk } from "../call.ts"
import { noteFallbacks } from "../decoding.ts"
import { draft } from "../draft.ts"
import { localizationPlace, localize } from "../localize.ts"
import { makeParts } from "../parts.ts"
import { flagged, stageAdvanced, type VideoRun } from "../run.ts"
import { defineStage, type Made, resultOf } from "../Stage.ts"
import { orFailed } from "../status.ts"
import { borderAsks, bordersId } from "./asks.ts"
import { type Asked, keyOf, levelInquiry, levelOf, pathsOf } from "./level.ts"
import { noteBorders, noteLevel, outcomeOf, removeStaleLevels } from "./outcomes.ts"
import { foreseeBorders } from "./outlook.ts"
import { type FoundBorder, foundBorder, inOrder, type LocatedBorder, locateBorders } from "./places.ts"
import { writeBorders } from "./record.ts"
import { advance, type BorderFlag, beginSearch, nextWindow, type SearchSpace } from "./search.ts"
import { settle } from "./settled.ts"
import { spaceOf } from "./space.ts"
import { ensureView } from "./view.ts"

/** A border as it was found, and what was asked for it. */
interface Searched {
  readonly border: FoundBorder
  readonly asked: ReadonlyArray<Asked>
}

/** Looks at one border again, level by level. Independent of the other borders. */
const searchBorder = Effect.fn("Borders.search")(function* (
  run: VideoRun,
  space: SearchSpace,
  border: LocatedBorder,
  callsLeft: number,
) {
  const asked: Array<Asked> = []
  let search = beginSearch(border.bracket)
  let isKept = true
  for (;;) {
    const window = nextWindow(space, search)
    if (window === undefined) break
    const level = levelOf(border, search, window)
    const view = yield* ensureView(run, keyOf(run, level), window)
    yield* noteFallbacks(run)
    const note = noteLevel(run, level)
    const answer = yield* keepOrAsk(run, {
      ...levelInquiry(run, level, view, outcomeOf(yield* run.summary.progress, level)),
      callsLeft,
      isPart: true,
      note: (outcome) => {
        isKept = false
        return note(outcome)
      },
    })
    asked.push({ level, view, answer })
    search = advance(space, search, window, answer)
  }
  yield* stageAdvanced(run, bordersId, `border ${border.number}`, isKept)
  return { border: foundBorder(border, search), asked } satisfies Searched
})

/** Why a border is doubtful. */
const reasons: Readonly<Record<BorderFlag, string>> = {
  no_change: "no change is seen where it was looked for",
  outside: "it lies outside of where it was looked for",
  clash: "it crossed another border, and is where it was localised",
}

/** Every border, and the record of them. */
const searchBorders = Effect.fnUntraced(function* (run: VideoRun, made: Made) {
  const { plan, pool } = resultOf(made, draft)
  const { value: localization } = resultOf(made, localize)
  const space = spaceOf(run)
  const located = locateBorders(pool, run.source, plan, localization)
  const callsLeft = located.length + plan.steps.length
  const searched = yield* makeParts(run, {
    what: "border",
    parts: located,
    make: (border) => searchBorder(run, space, border, callsLeft),
    noteDeferred: noteBorders(run, "running"),
    noteFailed: (message, [{ reason }]) =>
      noteBorders(run, "failed", { error: message, error_reason: reason }),
  })
  const borders = inOrder(
    run.source,
    searched.map(({ border }) => border),
  )
  const asked = searched.flatMap((one) => one.asked)
  yield* removeStaleLevels(run, new Set(asked.map(({ level }) => pathsOf(run, level).answer)))
  const { borders: entries } = yield* writeBorders(run, space, borders, asked)
  const flags = flagsOf(entries)
  yield* noteBorders(run, "completed", flags.length === 0 ? {} : { flags })
  for (const { flag, step_after, step_before } of flags)
    yield* flagged(run, { what: borderName(step_before, step_after), flag, why: reasons[flag] })
  return borders.map((border) => settle(run.source, space, border))
})

/** Refuses pictures without room for the badges that are drawn on them. */
const admitBadges = (source: VideoSource, { borders, imageLabels }: RunSettings) => {
  const { displayHeight, displayWidth, endPts, file, timeBase } = source
  const badge = badgeOf(99, (endPts * timeBase.num) / timeBase.den).join(" ")
  const isDrawn = borders?.input === "frames" && imageLabels !== "text"
  if (!isDrawn || labelBox(badge.length, displayWidth, displayHeight) !== undefined) return Effect.void
  const message = `${file} has pictures of ${displayWidth}x${displayHeight} pixels, too small for the badge "${badge}"; --border-input sheets makes them larger`
  return new VideoError({ reason: "Unsupported", file, message })
}

/** Where one part of the video gives way to the next, looked at again in windows of frames that are ever nearer to each other. */
export const borders = defineStage({
  ...bordersId,
  title: "borders",
  summary: "look at its borders again with --border-precision",
  needs: [draft, localize],
  weight: 1,
  asks: borderAsks,
  isUsed: (options) => options.borders !== undefined,
  admit: admitBadges,
  parts: (made) => {
    const indices = resultOf(made, localize).value.steps.flatMap((step) => [
      step.start_frame_index,
      step.end_frame_index,
    ])
    return new Set(indices).size
  },
  make: (run, made) => searchBorders(run, made).pipe(orFailed(run, localizationPlace)),
  foresee: foreseeBorders,
})
