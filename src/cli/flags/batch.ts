import { Option } from "effect"
import type { Shard } from "../../batch/select.ts"
import * as flag from "../flag.ts"
import { stageList, stageTitles } from "./kinds.ts"

/** `2/8`: the second of eight parts. */
const parseShard = (text: string): Option.Option<Shard> => {
  const [, index, of] = (/^(\d{1,6})\/(\d{1,6})$/u.exec(text) ?? []).map(Number)
  return index !== undefined && of !== undefined && index >= 1 && index <= of
    ? Option.some({ index, of })
    : Option.none()
}

/** How many videos are worked on, and when to stop. */
export const batch = {
  videoConcurrency: flag.alsoNamed(
    "num-workers",
    flag.whole(
      "video-concurrency",
      { min: 1, max: 256 },
      48,
      "Videos processed at the same time. --num-workers is the same",
    ),
  ),
  continueOnError: flag.toggle("continue-on-error", "Continue with the other videos when one fails"),
  retryFailed: flag.toggle(
    "retry-failed",
    "Retry failed videos once, when all others are done; implies --continue-on-error",
  ),
  onlyFailed: flag.toggle(
    "only-failed",
    "Run only videos that failed when they were last tried, and inputs that were refused",
  ),
  limit: flag.optionalNumber("limit", { min: 1, max: 1_000_000_000 }, true, "Run only the first N videos"),
  shard: flag.optionalParsed(
    "shard",
    "I/N",
    "Run only part I of N; a video belongs to the same part on every machine",
    parseShard,
    "must be I/N with I from 1 to N, as in --shard 2/8",
  ),
  graceSec: flag.real(
    "grace-sec",
    { min: 0, max: 3600 },
    30,
    "After Ctrl-C: how many seconds calls in flight may take to finish",
  ),
}

/** Which stages run; the single-stage commands fix it. */
export const stages = {
  stages: stageList(`Stages to run: ${stageTitles}`),
}
