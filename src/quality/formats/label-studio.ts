import { Either } from "effect"
import * as v from "valibot"
import type { RawSegment, RawVideo } from "../gold.ts"
import { finite, type GoldFormat, jsonForm, mediaStem, parseEach } from "./GoldFormat.ts"

const ranges = {
  ranges: v.array(v.object({ start: finite, end: finite })),
  timelinelabels: v.array(v.string()),
}

const timelineResult = v.object({ type: v.literal("timelinelabels"), value: v.object(ranges) })

/** The export called JSON: every annotation of a task, with all its results. */
const fullSchema = v.array(
  v.object({
    data: v.record(v.string(), v.unknown()),
    annotations: v.array(v.object({ result: v.array(v.unknown()), was_cancelled: v.nullish(v.boolean()) })),
  }),
)

const timelineLabels = v.pipe(v.array(v.object(ranges)), v.minLength(1))

/** The export called JSON-MIN: one object an annotation, with the task's data and, by the name of each tag, what was said with it. */
const minSchema = v.pipe(
  v.array(v.record(v.string(), v.unknown())),
  v.check(
    (rows) => rows.some((row) => Object.values(row).some((value) => v.is(timelineLabels, value))),
    "must have timeline labels",
  ),
)

const form = jsonForm(v.union([fullSchema, minSchema]))

/** A task's data names its video by an address of which the last part is the file. */
const videoOf = (data: Readonly<Record<string, unknown>>): string => {
  const address = Object.values(data).find(
    (value) => typeof value === "string" && /\.\w{2,4}(?:\?.*)?$/u.test(value),
  )
  return mediaStem(String(address ?? ""))
}

/** Frames are counted from 1, and the last one belongs to the range. */
const segmentsOf = ({
  ranges: own,
  timelinelabels,
}: v.InferOutput<typeof timelineLabels>[number]): ReadonlyArray<RawSegment> =>
  own.map(({ start, end }) => ({ start: start - 1, end, label: timelinelabels.join(", ") }))

const fullVideo = ({ data, annotations }: v.InferOutput<typeof fullSchema>[number]): RawVideo => {
  // Further annotations of a task are other people's opinions of the same video; a cancelled one is a task that was skipped.
  const annotation = annotations.find(({ was_cancelled }) => was_cancelled !== true)
  const results = (annotation?.result ?? []).filter((result) => v.is(timelineResult, result))
  return {
    videoId: videoOf(data),
    segments: results.flatMap(({ value }) => segmentsOf(value)),
    ...(annotation === undefined ? { unusable: "nobody has annotated it" } : {}),
  }
}

/** The first annotation of each video. */
const minVideos = (rows: v.InferOutput<typeof minSchema>): ReadonlyArray<RawVideo> =>
  [...Map.groupBy(rows, videoOf)].map(([videoId, [row = {}]]) => ({
    videoId,
    segments: Object.values(row).flatMap((value) =>
      v.is(timelineLabels, value) ? value.flatMap(segmentsOf) : [],
    ),
  }))

/** Label Studio's timeline labels. It counts frames at the rate in its configuration, whatever the video's own rate is. */
export const labelStudio: GoldFormat = {
  name: "label-studio",
  title: "Label Studio (JSON or JSON-MIN export with timelinelabels)",
  unit: "frames",
  extensions: [".json"],
  recognises: form.isFormOf,
  parse: parseEach((document) =>
    Either.map(form.read(document), (tasks) =>
      v.is(fullSchema, tasks) ? tasks.map(fullVideo) : minVideos(tasks),
    ),
  ),
}
