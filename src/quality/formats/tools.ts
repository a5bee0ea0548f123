/** What annotation programs export: Label Studio and VIA 3. */
import { Either } from "effect"
import * as v from "valibot"
import type { RawVideo } from "../gold.ts"
import { finite, type GoldFormat, jsonForm, parseEach, stem } from "./GoldFormat.ts"

const range = v.object({ start: finite, end: finite })

const timelineResult = v.object({
  type: v.literal("timelinelabels"),
  value: v.object({ ranges: v.array(range), timelinelabels: v.array(v.string()) }),
})

const labelStudioSchema = v.array(
  v.object({
    data: v.record(v.string(), v.unknown()),
    annotations: v.array(v.object({ result: v.array(v.unknown()) })),
  }),
)

/** A task's data names its video by an address of which the last part is the file. */
const videoOf = (data: Readonly<Record<string, unknown>>): string => {
  const address = Object.values(data).find(
    (value) => typeof value === "string" && /\.\w{2,4}(?:\?.*)?$/u.test(value),
  )
  return stem(String(address ?? "").replace(/\?.*$/u, ""))
}

const labelStudioForm = jsonForm(labelStudioSchema)

/**
 * Label Studio's timeline labels. It counts frames from 1 at the rate in its configuration, whatever the video's own rate is, and
 * its last frame belongs to the range.
 */
export const labelStudio: GoldFormat = {
  name: "label-studio",
  title: "Label Studio (JSON export with timelinelabels)",
  unit: "frames",
  extensions: [".json"],
  recognises: labelStudioForm.isFormOf,
  parse: parseEach((document) =>
    Either.map(labelStudioForm.read(document), (tasks) =>
      tasks.map(({ data, annotations }): RawVideo => {
        // Further annotations of a task are other people's opinions of the same video.
        const results = (annotations[0]?.result ?? []).filter((result) => v.is(timelineResult, result))
        return {
          videoId: videoOf(data),
          segments: results.flatMap(({ value: { ranges, timelinelabels } }) =>
            ranges.map(({ start, end }) => ({ start: start - 1, end, label: timelinelabels.join(", ") })),
          ),
        }
      }),
    ),
  ),
}

const viaSchema = v.object({
  project: v.object({ data_format_version: v.string() }),
  attribute: v.record(
    v.string(),
    v.object({
      aname: v.string(),
      type: v.number(),
      options: v.optional(v.record(v.string(), v.string()), {}),
    }),
  ),
  file: v.record(v.string(), v.object({ fname: v.string() })),
  view: v.record(v.string(), v.object({ fid_list: v.array(v.union([v.string(), v.number()])) })),
  metadata: v.record(
    v.string(),
    v.object({
      vid: v.union([v.string(), v.number()]),
      z: v.array(finite),
      av: v.record(v.string(), v.string()),
    }),
  ),
})

const viaForm = jsonForm(viaSchema)

/** VIA 3 (VGG Image Annotator): the temporal segments of a project, one video a view. */
export const via3: GoldFormat = {
  name: "via3",
  title: "VIA 3 project (JSON) with temporal segments",
  unit: "seconds",
  extensions: [".json"],
  recognises: viaForm.isFormOf,
  parse: parseEach((document) =>
    Either.map(viaForm.read(document), ({ attribute, file, view, metadata }) => {
      // The value of a choice is the id of its option.
      const said = (id: string, value: string): string => attribute[id]?.options[value] ?? value
      return Object.entries(view).map(([vid, { fid_list }]): RawVideo => {
        const own = Object.values(metadata).filter((each) => String(each.vid) === vid)
        return {
          videoId: stem(file[String(fid_list[0])]?.fname ?? vid),
          segments: own.flatMap(({ z: [start, end], av }) =>
            start === undefined || end === undefined
              ? []
              : [
                  {
                    start,
                    end,
                    label: Object.entries(av)
                      .map(([id, value]) => said(id, value))
                      .join(", "),
                  },
                ],
          ),
        }
      })
    }),
  ),
}
