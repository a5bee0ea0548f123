/** Egocentric data sets: EPIC-KITCHENS, Ego4D Goal-Step, Ego-Exo4D keystep, Assembly101. */
import { Either } from "effect"
import * as v from "valibot"
import type { RawSegment, RawVideo } from "../gold.ts"
import { byVideo, finite, type GoldFormat, jsonForm, parseEach } from "./GoldFormat.ts"
import { hasColumns, numberIn, readTable } from "./table.ts"
import { clockSeconds } from "./time.ts"

/** EPIC-KITCHENS-100: narrated actions, which often overlap. Times of day, not the frame columns, are read. */
export const epicKitchens: GoldFormat = {
  name: "epic-kitchens",
  title: "EPIC-KITCHENS-100 (EPIC_100_*.csv)",
  unit: "seconds",
  extensions: [".csv"],
  recognises: hasColumns("video_id", "start_timestamp", "stop_timestamp", "narration"),
  parse: parseEach((document) =>
    Either.flatMap(readTable(document), (rows) => {
      const segments = rows.map(({ line, cells }) => {
        const time = (column: string) =>
          clockSeconds(document.path, `line ${line}: ${column}`, cells[column] ?? "")
        return Either.map(
          Either.all({ start: time("start_timestamp"), end: time("stop_timestamp") }),
          (times) => ({
            ...times,
            videoId: cells.video_id ?? "",
            label: cells.narration ?? "",
            attributes: { verb: cells.verb ?? "", noun: cells.noun ?? "" },
          }),
        )
      })
      return Either.map(Either.all(segments), (all) =>
        byVideo(
          all,
          ({ videoId }) => videoId,
          ({ videoId, ...segment }) => segment,
        ),
      )
    }),
  ),
}

/** The first text that says something. */
const firstText = (...texts: ReadonlyArray<string | null | undefined>): string =>
  texts.find((text) => (text ?? "").trim() !== "") ?? ""

const text = v.nullish(v.string())

interface GoalStepSegment {
  readonly start_time: number
  readonly end_time: number
  readonly step_category?: string | null | undefined
  readonly step_description?: string | null | undefined
  readonly is_relevant?: string | null | undefined
  readonly segments?: ReadonlyArray<GoalStepSegment> | null | undefined
}

const goalStepSegment: v.GenericSchema<unknown, GoalStepSegment> = v.object({
  start_time: finite,
  end_time: finite,
  step_category: text,
  step_description: text,
  is_relevant: text,
  segments: v.nullish(v.array(v.lazy(() => goalStepSegment))),
})

const goalStepSchema = v.object({
  videos: v.array(
    v.object({
      video_uid: v.string(),
      start_time: v.optional(finite),
      end_time: v.optional(finite),
      goal_category: v.optional(v.string()),
      segments: v.array(goalStepSegment),
    }),
  ),
})

const flatten = (segments: ReadonlyArray<GoalStepSegment>, level: number): ReadonlyArray<RawSegment> =>
  segments.flatMap(
    ({ start_time, end_time, step_description, step_category, is_relevant, segments: inner }) => [
      {
        start: start_time,
        end: end_time,
        label: firstText(step_description, step_category),
        level,
        attributes: {
          ...(typeof step_category === "string" ? { step_category } : {}),
          ...(typeof is_relevant === "string" ? { is_relevant } : {}),
        },
      },
      ...flatten(inner ?? [], level + 1),
    ],
  )

const goalStepForm = jsonForm(goalStepSchema)

/** Ego4D Goal-Step: steps, and substeps within them (level 2). */
export const goalStep: GoldFormat = {
  name: "goal-step",
  title: "Ego4D Goal-Step (goalstep_*.json); level 2 are substeps",
  unit: "seconds",
  extensions: [".json"],
  recognises: goalStepForm.isFormOf,
  parse: parseEach((document) =>
    Either.map(goalStepForm.read(document), ({ videos }) =>
      videos.map(
        ({ video_uid, segments }): RawVideo => ({ videoId: video_uid, segments: flatten(segments, 1) }),
      ),
    ),
  ),
}

const keystepSchema = v.object({
  annotations: v.record(
    v.string(),
    v.object({
      take_name: v.string(),
      segments: v.array(
        v.object({
          start_time: v.nullish(finite),
          end_time: v.nullish(finite),
          step_name: text,
          step_description: text,
          is_essential: v.nullish(v.boolean()),
        }),
      ),
    }),
  ),
})

const keystepForm = jsonForm(keystepSchema)

/** Ego-Exo4D keystep. Videos are called by their take's name, steps by their description or, where it is not there, their name. */
export const keystep: GoldFormat = {
  name: "egoexo-keystep",
  title: "Ego-Exo4D keystep (keystep_*.json)",
  unit: "seconds",
  extensions: [".json"],
  recognises: keystepForm.isFormOf,
  parse: parseEach((document) =>
    Either.map(keystepForm.read(document), ({ annotations }) =>
      Object.entries(annotations).map(([uid, { take_name, segments }]) => ({
        videoId: take_name || uid,
        segments: segments.map(({ start_time, end_time, step_name, step_description, is_essential }) => ({
          // A step that nobody has timed is left out by the import, which says so.
          start: start_time ?? Number.NaN,
          end: end_time ?? Number.NaN,
          label: firstText(step_description, step_name),
          ...(typeof is_essential === "boolean"
            ? { attributes: { is_essential: String(is_essential) } }
            : {}),
        })),
      })),
    ),
  ),
}

/** Assembly101's fine actions: frames of pictures that were extracted at 30 a second. A video is `<sequence>/<view>`. */
export const assembly101: GoldFormat = {
  name: "assembly101",
  title: "Assembly101 fine-grained actions (train.csv, validation.csv)",
  unit: "frames",
  frameRate: 30,
  extensions: [".csv"],
  recognises: hasColumns("video", "start_frame", "end_frame", "action_cls"),
  parse: parseEach((document) =>
    Either.flatMap(readTable(document), (rows) => {
      const segments = rows.map((row) => {
        const frame = (column: string) => numberIn(document.path, row, column)
        return Either.map(Either.all({ start: frame("start_frame"), end: frame("end_frame") }), (frames) => ({
          ...frames,
          videoId: (row.cells.video ?? "").replace(/\.[^./]*$/u, ""),
          label: row.cells.action_cls ?? "",
        }))
      })
      return Either.map(Either.all(segments), (all) =>
        byVideo(
          all,
          ({ videoId }) => videoId,
          ({ videoId, ...segment }) => segment,
        ),
      )
    }),
  ),
}
