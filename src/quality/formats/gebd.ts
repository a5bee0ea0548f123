import { Either } from "effect"
import * as v from "valibot"
import type { RawVideo } from "../gold.ts"
import { finite, type GoldFormat, jsonForm, parseEach } from "./GoldFormat.ts"

const video = v.object({
  video_duration: finite,
  /** How far each rater agrees with the others, 0 to 1. */
  f1_consis: v.array(finite),
  f1_consis_avg: finite,
  /** Borders of each rater. */
  substages_timestamps: v.array(v.array(finite)),
})

const schema = v.pipe(
  v.record(v.string(), video),
  v.check((videos) => Object.keys(videos).length > 0, "must name a video"),
)

/** Videos on which people agree less than this are not scored by the benchmark. */
const leastAgreement = 0.3

const videoOf = (videoId: string, given: v.InferOutput<typeof video>): RawVideo => {
  const { video_duration: durationSec, f1_consis, f1_consis_avg, substages_timestamps } = given
  const best = substages_timestamps[f1_consis.indexOf(Math.max(...f1_consis))] ?? []
  const inside = best.filter((time) => time > 0 && time < durationSec).toSorted((a, b) => a - b)
  const cuts = [0, ...inside, durationSec]
  return {
    videoId,
    durationSec,
    // In the order of the file, which is that in which the benchmark lets them choose.
    raters: substages_timestamps,
    segments: cuts.slice(1).map((end, i) => ({ start: cuts[i] ?? 0, end, label: "event" })),
    ...(f1_consis_avg >= leastAgreement
      ? {}
      : {
          unusable: `its raters agree to ${f1_consis_avg}, and the benchmark scores no video below ${leastAgreement}`,
        }),
  }
}

const form = jsonForm(schema)

/**
 * Kinetics-GEBD, its pickle written as JSON: the borders of several raters, which GEBD's own rule is scored against. Segments, for all
 * other figures, are those of the rater whom the others agree with most, and have no labels.
 */
export const gebd: GoldFormat = {
  name: "gebd",
  title: "Kinetics-GEBD annotations, as JSON",
  unit: "seconds",
  extensions: [".json"],
  recognises: form.isFormOf,
  parse: parseEach((document) =>
    Either.map(form.read(document), (videos) =>
      Object.entries(videos).map(([videoId, each]) => videoOf(videoId, each)),
    ),
  ),
}
