import { Either } from "effect"
import * as v from "valibot"
import type { RawVideo } from "../gold.ts"
import { finite, type GoldFormat, jsonForm, pair, parseEach } from "./GoldFormat.ts"

const database = v.record(
  v.string(),
  v.object({
    duration: v.optional(finite),
    annotations: v.array(v.object({ label: v.string(), segment: pair })),
  }),
)
const goldSchema = v.object({ version: v.string(), database })

const results = v.record(
  v.string(),
  v.array(v.object({ label: v.string(), segment: pair, score: v.optional(finite) })),
)
const resultsSchema = v.object({ version: v.string(), results, external_data: v.optional(v.unknown()) })

const detectionSchema = v.union([goldSchema, resultsSchema])

const goldVideos = (videos: v.InferOutput<typeof database>): ReadonlyArray<RawVideo> =>
  Object.entries(videos).map(([videoId, { duration, annotations }]) => ({
    videoId,
    ...(duration === undefined ? {} : { durationSec: duration }),
    segments: annotations.map(({ label, segment: [start, end] }) => ({ start, end, label })),
  }))

const predictedVideos = (videos: v.InferOutput<typeof results>): ReadonlyArray<RawVideo> =>
  Object.entries(videos).map(([videoId, segments]) => ({
    videoId,
    segments: segments.map(({ label, segment: [start, end], score }) => ({
      start,
      end,
      label,
      ...(score === undefined ? {} : { score }),
    })),
  }))

const detectionForm = jsonForm(detectionSchema)

/** ActivityNet's detection task: `database` of gold, or `results` of predictions with scores. Ids are without `v_`. */
export const activityNet: GoldFormat = {
  name: "activitynet",
  title: "ActivityNet detection: gold (database) or results",
  unit: "seconds",
  extensions: [".json"],
  recognises: detectionForm.isFormOf,
  parse: parseEach((document) =>
    Either.map(detectionForm.read(document), (json) =>
      "database" in json ? goldVideos(json.database) : predictedVideos(json.results),
    ),
  ),
}

const captionsSchema = v.pipe(
  v.record(
    v.string(),
    v.pipe(
      v.object({ duration: v.optional(finite), timestamps: v.array(pair), sentences: v.array(v.string()) }),
      v.check(
        ({ timestamps, sentences }) => timestamps.length === sentences.length,
        "must have as many sentences as timestamps",
      ),
    ),
  ),
  v.check((videos) => Object.keys(videos).length > 0, "must name a video"),
)

const captionResultsSchema = v.object({
  version: v.string(),
  results: v.record(v.string(), v.array(v.object({ timestamp: pair, sentence: v.string() }))),
  external_data: v.optional(v.unknown()),
})

const captionFileSchema = v.union([captionResultsSchema, captionsSchema])

const captionFileForm = jsonForm(captionFileSchema)

/** ActivityNet Captions: `timestamps` beside `sentences`, or the results of a captioning run. */
export const activityNetCaptions: GoldFormat = {
  name: "activitynet-captions",
  title: "ActivityNet Captions: gold or results",
  unit: "seconds",
  extensions: [".json"],
  recognises: captionFileForm.isFormOf,
  parse: parseEach((document) =>
    Either.map(captionFileForm.read(document), (json): ReadonlyArray<RawVideo> => {
      if (v.is(captionResultsSchema, json))
        return Object.entries(json.results).map(([videoId, captions]) => ({
          videoId,
          segments: captions.map(({ timestamp: [start, end], sentence }) => ({
            start,
            end,
            label: sentence,
          })),
        }))
      return Object.entries(json).map(([videoId, { duration, timestamps, sentences }]) => ({
        videoId,
        ...(duration === undefined ? {} : { durationSec: duration }),
        segments: timestamps.map(([start, end], i) => ({ start, end, label: sentences[i] ?? "" })),
      }))
    }),
  ),
}
