import { Either } from "effect"
import * as v from "valibot"
import type { RawVideo } from "../gold.ts"
import {
  finite,
  type GoldDocument,
  type GoldFormat,
  invalid,
  jsonForm,
  pair,
  parseEach,
} from "./GoldFormat.ts"

const database = v.record(
  v.string(),
  v.object({
    duration: v.optional(finite),
    subset: v.optional(v.string()),
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

/** Annotations of the test split are not published: that there are none does not say that nothing happens. */
const withheld = "is of the test split, whose annotations are not published"

const goldVideos = (videos: v.InferOutput<typeof database>): ReadonlyArray<RawVideo> =>
  Object.entries(videos).map(([videoId, { duration, subset, annotations }]) => ({
    videoId,
    ...(duration === undefined ? {} : { durationSec: duration }),
    segments: annotations.map(({ label, segment: [start, end] }) => ({ start, end, label })),
    ...(annotations.length === 0 && /^test/iu.test(subset ?? "") ? { unusable: withheld } : {}),
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

const captionedVideos = (file: v.InferOutput<typeof captionFileSchema>): ReadonlyArray<RawVideo> => {
  if (v.is(captionResultsSchema, file))
    return Object.entries(file.results).map(([videoId, captions]) => ({
      videoId,
      segments: captions.map(({ timestamp: [start, end], sentence }) => ({ start, end, label: sentence })),
    }))
  return Object.entries(file).map(([videoId, { duration, timestamps, sentences }]) => ({
    videoId,
    ...(duration === undefined ? {} : { durationSec: duration }),
    segments: timestamps.map(([start, end], i) => ({ start, end, label: sentences[i] ?? "" })),
  }))
}

/** An id that a later document has as well: `val_1.json` and `val_2.json` are what two people saw in the same videos. */
const seenTwice = (
  documents: ReadonlyArray<GoldDocument>,
  videos: ReadonlyArray<ReadonlyArray<RawVideo>>,
) => {
  const seen = new Map<string, string>()
  for (const [i, own] of videos.entries())
    for (const { videoId } of own) {
      const path = documents[i]?.path ?? ""
      const before = seen.get(videoId)
      if (before !== undefined && before !== path) return { videoId, before, path }
      seen.set(videoId, path)
    }
  return undefined
}

/** ActivityNet Captions: `timestamps` beside `sentences`, or the results of a captioning run. */
export const activityNetCaptions: GoldFormat = {
  name: "activitynet-captions",
  title: "ActivityNet Captions: gold or results",
  unit: "seconds",
  extensions: [".json"],
  recognises: captionFileForm.isFormOf,
  parse: (documents) =>
    Either.flatMap(Either.all(documents.map((document) => captionFileForm.read(document))), (files) => {
      const videos = files.map(captionedVideos)
      const twice = seenTwice(documents, videos)
      return twice === undefined
        ? Either.right(videos.flat())
        : Either.left(
            invalid(
              twice.path,
              `describes ${twice.videoId}, as ${twice.before} does; such files are what different people saw, so give one of them`,
            ),
          )
    }),
}
