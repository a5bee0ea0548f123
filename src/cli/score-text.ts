import type { RunCost } from "../quality/cost.ts"
import type { ScoreReport } from "../quality/report.ts"
import type { PrecisionRecall } from "../quality/tally.ts"

const share = (value: number): string => value.toFixed(3)

const indent = 30
const width = 11

const line = (name: string, ...cells: ReadonlyArray<string>): string =>
  `  ${name.padEnd(indent)}${cells.map((cell) => cell.padStart(width)).join("")}`.trimEnd()

const prf = (name: string, { precision, recall, f1 }: PrecisionRecall): string =>
  line(name, share(precision), share(recall), share(f1))

const head = (title: string, ...columns: ReadonlyArray<string>): string =>
  `${title.padEnd(indent + 2)}${columns.map((column) => column.padStart(width)).join("")}`.trimEnd()

const some = (ids: ReadonlyArray<string>, limit = 5): string =>
  ids.slice(0, limit).join(", ") + (ids.length > limit ? `, and ${ids.length - limit} more` : "")

const goldLines = ({
  gold,
  withoutPrediction,
  withoutGold,
  unfinished,
}: ScoreReport): ReadonlyArray<string> => [
  `Gold: ${gold.segments} segments in ${gold.videos} videos (${gold.format}, ${gold.unit}${gold.frameRate === null ? "" : ` at ${gold.frameRate} a second`}); ${gold.overlaps} overlaps, ${gold.gaps} gaps`,
  ...gold.leftOut.slice(0, 5).map((reason) => `  left out: ${reason}`),
  ...(gold.leftOut.length > 5 ? [`  left out: ${gold.leftOut.length - 5} more`] : []),
  ...(withoutPrediction.length === 0
    ? []
    : [`Not scored, no prediction (${withoutPrediction.length}): ${some(withoutPrediction)}`]),
  ...(withoutGold.length === 0 ? [] : [`Not scored, no gold (${withoutGold.length}): ${some(withoutGold)}`]),
  ...unfinished.slice(0, 5).map((reason) => `Not scored: ${reason}`),
  ...(unfinished.length > 5 ? [`Not scored: ${unfinished.length - 5} more`] : []),
]

const costLines = (cost: RunCost): ReadonlyArray<string> => [
  head("Per hour of video", "dollars", "tokens", "model s"),
  line(
    `${cost.videoHours.toFixed(3)} h`,
    cost.costUsdPerVideoHour === null ? "unknown" : cost.costUsdPerVideoHour.toFixed(2),
    cost.tokensPerVideoHour.toFixed(0),
    cost.modelSecondsPerVideoHour.toFixed(0),
  ),
]

const percent = (part: number, whole: number): string =>
  whole === 0 ? "none" : `${((100 * part) / whole).toFixed(1)} % of ${whole}`

const classText = (fromSec: number, toSec: number | null): string =>
  toSec === null ? `${fromSec} s and longer` : `${fromSec} to ${toSec} s`

/** The report as a person reads it. */
export const scoreLines = (report: ScoreReport): ReadonlyArray<string> => {
  const { score, keyframes, cost } = report
  const { boundaries, segmental, meanAveragePrecision: map, gebd } = score
  return [
    ...goldLines(report),
    `Scored: ${score.videos} videos, ${score.predicted} predicted segments against ${score.gold} of gold`,
    ...(score.overlapping === 0
      ? []
      : [`  ${score.overlapping} of them overlap themselves, so one-to-one matches are not unique there`]),
    "",
    head("Segments", "precision", "recall", "F1"),
    ...score.segments.map((each) => prf(`IoU ${each.at}`, each)),
    prf("WGO-Bench (ends snapped, 0.75)", score.wgo),
    prf("SODA, shared words as text", score.soda),
    ...(gebd === null ? [] : [prf("GEBD boundaries, 5 % of length", gebd)]),
    "",
    head("Boundaries", "precision", "recall", "F1"),
    ...boundaries.nearest.map((each) => prf(`nearest within ${each.at} s`, each)),
    ...boundaries.oneToOne.map((each) => prf(`one to one within ${each.at} s`, each)),
    line(
      "median error",
      boundaries.medianErrorSec === null ? "none" : `${boundaries.medianErrorSec.toFixed(3)} s`,
    ),
    ...(segmental === null
      ? []
      : [
          "",
          head("Frame labels (MS-TCN)", ...segmental.f1.map(({ at }) => `F1@${at}`), "Edit", "MoF"),
          line(
            "",
            ...segmental.f1.map(({ f1 }) => share(f1)),
            segmental.edit.toFixed(2),
            share(segmental.meanOverFrames),
          ),
        ]),
    ...(map === null ? [] : ["", line("mean average precision", share(map.mean))]),
    "",
    head("Recall by length (IoU 0.5)", "recall", "found", "gold"),
    ...score.recallByDuration
      .filter(({ gold }) => gold > 0)
      .map(({ fromSec, toSec, found, gold }) =>
        line(classText(fromSec, toSec), share(found / gold), String(found), String(gold)),
      ),
    "",
    `Missed at IoU 0.5: ${Object.entries(score.misses)
      .map(([kind, count]) => `${count} ${kind}`)
      .join(", ")}`,
    ...(keyframes === null
      ? []
      : [
          `Keyframes: ${percent(keyframes.inStep, keyframes.keyframes)} in their step, ${percent(keyframes.stepsInOrder, keyframes.steps)} steps in order, ${percent(keyframes.inGold, keyframes.matched)} in the gold segment that their step matches`,
        ]),
    ...(cost === null ? [] : ["", ...costLines(cost)]),
  ]
}
