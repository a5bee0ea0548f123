import { Effect } from "effect"
import { defaultSheet } from "../../src/config.ts"
import { borderInputs } from "../../src/plan/choices.ts"
import type { BenchCase, Figures } from "../case.ts"
import { foundWithin, medianError } from "./found.ts"
import {
  measureQuality,
  measureVariants,
  type QualitySettings,
  type Variant,
  type WorldSettings,
} from "./measure.ts"

const f1At = (segments: ReadonlyArray<{ readonly at: number; readonly f1: number }>, at: number): number =>
  segments.find((each) => each.at === at)?.f1 ?? 0

const figures = async (settings: QualitySettings): Promise<Figures> => {
  const { score, failures, calls, spacingSec } = await Effect.runPromise(measureQuality(settings))
  return {
    videos: score.videos,
    failed: failures.length,
    spacing_sec: spacingSec,
    f1_iou_50: f1At(score.segments, 0.5),
    f1_iou_75: f1At(score.segments, 0.75),
    recall_iou_50: score.segments.find(({ at }) => at === 0.5)?.recall ?? 0,
    border_recall_1s: score.boundaries.nearest.find(({ at }) => at === 1)?.recall ?? 0,
    median_border_error_sec: score.boundaries.medianErrorSec ?? "none",
    merged: score.misses.merged,
    missing: score.misses.missing,
    calls_per_video: calls,
  }
}

const lengths = [
  { name: "1 minute", durationSec: 60 },
  { name: "10 minutes", durationSec: 600 },
  { name: "30 minutes", durationSec: 1800 },
  { name: "2 hours", durationSec: 7200 },
] as const

/** The same videos without and with borders that are looked at again. */
const variants: ReadonlyArray<Variant> = [
  { name: "plain", run: {} },
  ...borderInputs.map((input) => ({
    name: input,
    run: { borders: { precisionSec: 0.5, input, sheet: defaultSheet } },
  })),
]

/** What exact borders come to and take, beside the plain run of the same videos. */
const borderFigures = async (worlds: WorldSettings): Promise<Figures> => {
  const results = await Effect.runPromise(measureVariants(worlds, variants))
  const plainTokens = results[0]?.promptTokens ?? Number.NaN
  return Object.fromEntries(
    results.flatMap(({ failures, found, promptTokens }, i) => {
      const name = variants[i]?.name ?? ""
      return [
        [`${name}_failed`, failures.length],
        [`${name}_median_error_sec`, medianError(found) ?? "none"],
        [`${name}_found_within_half_a_second`, foundWithin(found, 0.5)],
        [`${name}_of_all_borders`, (foundWithin(found, 0.5) * found.found) / Math.max(1, found.happened)],
        [`${name}_input_tokens`, promptTokens / plainTokens],
      ]
    }),
  )
}

/** How exact the borders of steps are with `--border-precision 0.5`, and how many more tokens that takes. */
export const borderCases = (quick: boolean): ReadonlyArray<BenchCase> => {
  const seeds = Array.from({ length: quick ? 1 : 8 }, (_, i) => i + 1)
  return (quick ? lengths.slice(0, 1) : lengths).map(({ name, durationSec }) => ({
    name: `exact borders: ${name}`,
    run: () => borderFigures({ durationSec, seeds }),
  }))
}

/** The same videos without questions, and with both about doubt. */
const doubtVariants: ReadonlyArray<Variant> = [
  { name: "plain", run: {} },
  { name: "doubted", run: { samples: 3, verify: { sheet: defaultSheet } } },
]

/** What flags find of what is wrong, and how right what is not looked at is. */
const doubtOf = async (worlds: WorldSettings): Promise<Figures> => {
  const [plain, doubted] = await Effect.runPromise(measureVariants(worlds, doubtVariants))
  if (plain === undefined || doubted === undefined) throw new Error("two ways to run give two results")
  const { curve, ...shares } = doubted.doubt
  const snake = (name: string) => name.replaceAll(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`)
  return {
    failed: plain.failures.length + doubted.failures.length,
    input_tokens: doubted.promptTokens / plain.promptTokens,
    ...Object.fromEntries(Object.entries(shares).map(([name, value]) => [snake(name), value])),
    ...Object.fromEntries(
      curve.flatMap(({ found, looked, risk }) => [
        [`found_at_${looked}`, found] as const,
        [`risk_after_${looked}`, risk] as const,
      ]),
    ),
  }
}

/** What flags are worth: of the steps and borders that are wrong, how many are flagged, at how many flags. */
export const doubtCases = (quick: boolean): ReadonlyArray<BenchCase> => {
  const seeds = Array.from({ length: quick ? 1 : 8 }, (_, i) => i + 1)
  return (quick ? lengths.slice(0, 1) : lengths).map(({ name, durationSec }) => ({
    name: `doubt: ${name}`,
    run: () => doubtOf({ durationSec, seeds }),
  }))
}

/** How right the pipeline's steps are on drawn videos whose truth is known, by length of the video. */
export const qualityCases = (quick: boolean): ReadonlyArray<BenchCase> => {
  const seeds = Array.from({ length: quick ? 1 : 8 }, (_, i) => i + 1)
  return (quick ? lengths.slice(0, 1) : lengths).map(({ name, durationSec }) => ({
    name: `quality: ${name}`,
    run: () => figures({ durationSec, seeds }),
  }))
}
