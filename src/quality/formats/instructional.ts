/** Instructional videos with a recipe or task: YouCook2 and COIN, two spellings of one layout. */
import { Either } from "effect"
import * as v from "valibot"
import { finite, type GoldFormat, jsonForm, pair, parseEach } from "./GoldFormat.ts"

const duration = v.optional(finite)

const youCook2Schema = v.object({
  database: v.record(
    v.string(),
    v.object({
      duration,
      recipe_type: v.unknown(),
      annotations: v.array(v.object({ segment: pair, sentence: v.string() })),
    }),
  ),
})

const youCook2Form = jsonForm(youCook2Schema)

/** YouCook2: whole seconds, with gaps. */
export const youCook2: GoldFormat = {
  name: "youcook2",
  title: "YouCook2 (youcookii_annotations_*.json)",
  unit: "seconds",
  extensions: [".json"],
  recognises: youCook2Form.isFormOf,
  parse: parseEach((document) =>
    Either.map(youCook2Form.read(document), (json) =>
      Object.entries(json.database).map(([videoId, video]) => ({
        videoId,
        ...(video.duration === undefined ? {} : { durationSec: video.duration }),
        segments: video.annotations.map(({ segment: [start, end], sentence }) => ({
          start,
          end,
          label: sentence,
        })),
      })),
    ),
  ),
}

const coinSchema = v.object({
  database: v.record(
    v.string(),
    v.object({
      duration,
      class: v.string(),
      annotation: v.array(v.object({ segment: pair, label: v.string() })),
    }),
  ),
})

const coinForm = jsonForm(coinSchema)

/** COIN: steps of a closed list. The field is called `annotation`. */
export const coin: GoldFormat = {
  name: "coin",
  title: "COIN (COIN.json)",
  unit: "seconds",
  extensions: [".json"],
  recognises: coinForm.isFormOf,
  parse: parseEach((document) =>
    Either.map(coinForm.read(document), (json) =>
      Object.entries(json.database).map(([videoId, video]) => ({
        videoId,
        ...(video.duration === undefined ? {} : { durationSec: video.duration }),
        segments: video.annotation.map(({ segment: [start, end], label }) => ({
          start,
          end,
          label,
          attributes: { class: video.class },
        })),
      })),
    ),
  ),
}
