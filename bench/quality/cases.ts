import { Effect } from "effect"
import type { BenchCase, Figures } from "../case.ts"
import { measureQuality, type QualitySettings } from "./measure.ts"

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

/** How right the pipeline's steps are on drawn videos whose truth is known, by length of the video. */
export const qualityCases = (quick: boolean): ReadonlyArray<BenchCase> => {
  const seeds = Array.from({ length: quick ? 1 : 8 }, (_, i) => i + 1)
  return (quick ? lengths.slice(0, 1) : lengths).map(({ name, durationSec }) => ({
    name: `quality: ${name}`,
    run: () => figures({ durationSec, seeds }),
  }))
}
