import { join } from "node:path/posix"
import { Effect } from "effect"
import { disagreementsOf } from "../../dataset/border-flags.ts"
import { layout, readingPath } from "../../dataset/layout.ts"
import type { ReadingsRecord } from "../../dataset/records.ts"
import { jsonText } from "../../dataset/store.ts"
import type { Localization } from "../../plan/localization.ts"
import { keepOrAsk } from "../call.ts"
import { type Drafted, draft } from "../draft.ts"
import { localizationAsks, localizationPlace, localize } from "../localize.ts"
import { makeParts } from "../parts.ts"
import { put } from "../put.ts"
import { flagged, noteMade, stageAdvanced, type VideoRun } from "../run.ts"
import { defineStage, type Made, resultOf } from "../Stage.ts"
import { localizationContext } from "../segments.ts"
import { orFailed } from "../status.ts"
import { readingInquiry, readingNumbers, readingOutcome, readingsId } from "./inquiry.ts"
import { noteReading, noteReadings, noteUnfinished, recordPath } from "./outcomes.ts"
import { foreseeReadings } from "./outlook.ts"
import { isDoubtful, type Settled, settle } from "./settled.ts"

/** One reading, kept or asked for; independent of the others. */
const readAgain = Effect.fn("Readings.ask")(function* (run: VideoRun, drafted: Drafted, number: number) {
  const note = noteReading(run, number)
  const previous = readingOutcome(yield* run.summary.progress, number)
  let isKept = true
  const value = yield* keepOrAsk(run, {
    ...readingInquiry(run, drafted, number, previous),
    callsLeft: 1 + drafted.plan.steps.length,
    isPart: true,
    note: (outcome) => {
      isKept = false
      return note(outcome)
    },
  })
  return { value, isKept }
})

const askAll = (run: VideoRun, drafted: Drafted, numbers: ReadonlyArray<number>) =>
  makeParts(run, {
    what: "reading",
    parts: numbers,
    make: (number) => readAgain(run, drafted, number),
    noteDeferred: noteUnfinished(run, "running"),
    noteFailed: (message, [{ reason }]) => noteUnfinished(run, "failed", { message, reason }),
  })

const writeRecord = Effect.fn("Readings.write")(function* (
  run: VideoRun,
  readings: ReadonlyArray<Localization>,
  { borders }: Settled,
) {
  const record: ReadingsRecord = {
    video_id: run.folder.videoId,
    samples: run.settings.samples ?? 1,
    readings: readings.map(({ steps }, i) => ({
      reading: i + 1,
      answer: i === 0 ? layout.stage2.localization : `${readingPath(i + 1)}/${layout.readings.answer}`,
      steps: [...steps],
    })),
    borders,
  }
  yield* put(run, join(run.folder.key, recordPath), jsonText(record))
  yield* noteMade(run, readingsId, recordPath)
})

/** Further readings of where the steps are, how far they agree, and what they come to. */
const readOn = Effect.fnUntraced(function* (run: VideoRun, made: Made) {
  const drafted = resultOf(made, draft)
  const { isAdopted, value: first } = resultOf(made, localize)
  const { borders, samples } = run.settings
  const context = localizationContext(drafted.pool, run.source, drafted.plan)
  const numbers = readingNumbers(samples)
  const asked = [...(yield* askAll(run, drafted, numbers))]
  const valuesOf = () => asked.map(({ value }) => value)
  // Exact borders are looked at again anyway.
  if (borders === undefined && isDoubtful([first, ...valuesOf()], context))
    asked.push(...(yield* askAll(run, drafted, [numbers.length + 2])))
  const others = valuesOf()
  const settled = settle(first, others, context)
  yield* writeRecord(run, [first, ...others], settled)
  const flags = disagreementsOf(settled.borders)
  yield* noteReadings(run, others.length + 1, flags)
  for (const { flag, side, spread_frames, spread_sec, step_id } of flags)
    yield* flagged(run, {
      what: `${side} of step ${step_id}`,
      flag,
      why: `readings lie ${spread_frames} frames of the pool apart, ${spread_sec} s`,
    })
  yield* stageAdvanced(
    run,
    readingsId,
    "readings",
    asked.every(({ isKept }) => isKept),
  )
  return { value: settled.localization, isAdopted }
})

/** Where the steps are, asked for several times. */
export const readings = defineStage({
  ...readingsId,
  title: "readings",
  summary: "ask for it several times with --samples",
  needs: [draft, localize],
  inPlaceOf: localize,
  weight: 1,
  asks: localizationAsks,
  isUsed: (options) => options.samples !== undefined,
  parts: () => 1,
  make: (run, made) => readOn(run, made).pipe(orFailed(run, localizationPlace)),
  foresee: foreseeReadings,
})
