import { Either } from "effect"
import * as v from "valibot"
import type { RawSegment, RawVideo } from "../gold.ts"
import { finite, type GoldFormat, jsonForm, mediaStem, parseEach } from "./GoldFormat.ts"

const id = v.union([v.string(), v.number()])

/** Programs that write projects for VIA leave out what it does not need, such as the version of the format. */
const schema = v.object({
  project: v.object({ vid_list: v.optional(v.array(id)) }),
  attribute: v.record(
    v.string(),
    v.object({
      aname: v.string(),
      type: v.number(),
      options: v.optional(v.record(v.string(), v.string()), {}),
    }),
  ),
  file: v.record(v.string(), v.object({ fname: v.string() })),
  view: v.record(v.string(), v.object({ fid_list: v.array(id) })),
  metadata: v.record(
    v.string(),
    v.object({ vid: id, z: v.array(finite), av: v.record(v.string(), v.union([v.string(), v.number()])) }),
  ),
})

type Project = v.InferOutput<typeof schema>

const form = jsonForm(schema)

/** The kind of attribute that takes several choices, kept as ids of options with commas between them. */
const checkbox = 2

/** What was said by attributes: a text, or the choices whose options' ids are kept. What was not filled in says nothing. */
const labelOf = (attributes: Project["attribute"], av: Project["metadata"][string]["av"]): string =>
  Object.entries(av)
    .flatMap(([attributeId, value]) => {
      const attribute = attributes[attributeId]
      const values = attribute?.type === checkbox ? String(value).split(",") : [String(value)]
      return values.map((each) => attribute?.options[each] ?? each)
    })
    .filter((text) => text.trim() !== "")
    .join(", ")

/** A temporal segment has two times; a region of a frame has one, what is said of a whole file none. */
const segmentOf = (
  { attribute }: Project,
  { z: [start, end], av }: Project["metadata"][string],
): ReadonlyArray<RawSegment> =>
  start === undefined || end === undefined ? [] : [{ start, end, label: labelOf(attribute, av) }]

/** VIA 3 (VGG Image Annotator): the temporal segments of a project, one video a view. */
export const via3: GoldFormat = {
  name: "via3",
  title: "VIA 3 project (JSON) with temporal segments",
  unit: "seconds",
  extensions: [".json"],
  recognises: form.isFormOf,
  parse: parseEach((document) =>
    Either.map(form.read(document), (project) =>
      Object.entries(project.view).map(
        ([viewId, { fid_list }]): RawVideo => ({
          videoId: mediaStem(project.file[String(fid_list[0])]?.fname ?? viewId),
          segments: Object.values(project.metadata)
            .filter(({ vid }) => String(vid) === viewId)
            .flatMap((each) => segmentOf(project, each)),
        }),
      ),
    ),
  ),
}
