import { Option } from "effect"
import { ownFormat } from "../../quality/finished.ts"
import { goldFormats } from "../../quality/formats/formats.ts"
import { goldWriters } from "../../quality/writers/writers.ts"
import * as flag from "../flag.ts"
import { batch, stages } from "./batch.ts"
import { input } from "./input.ts"
import { model } from "./model.ts"
import { work } from "./work.ts"

const formatNames = ["auto", ownFormat, ...goldFormats.map(({ name }) => name)]

const path = (name: string, value: string, help: string, wrong: string) =>
  flag.parsed(
    name,
    value,
    help,
    "",
    (given) => (given.trim() === "" ? Option.none() : Option.some(given)),
    wrong,
  )

/** Where gold is and how it is read. */
const gold = {
  gold: path(
    "gold",
    "PATH",
    "The gold: a file, a folder of files of one format, or an output root or a folder of one video",
    "must name a file or a folder",
  ),
  goldFormat: flag.choice(
    "gold-format",
    formatNames,
    "auto",
    "The format of the gold; auto looks at the files",
  ),
  goldFps: flag.optionalNumber(
    "gold-fps",
    { min: 0.001, max: 100_000 },
    false,
    "Frame rate of the gold, for formats that count frames",
  ),
  goldLevel: flag.whole(
    "gold-level",
    { min: 1, max: 9 },
    1,
    "Which level of segments within segments is the gold; 1 is the coarsest",
  ),
}

/** What `score` takes. */
export const score = {
  ...gold,
  outputRoot: flag.text("output-root", "DIR", "The finished videos to score"),
  predictions: flag.text("predictions", "PATH", "Score this instead: segments in one of the gold formats"),
  reportJson: flag.text("report-json", "FILE", "Also write all figures to this file as JSON"),
  lanes: flag.text("lanes", "FILE", "Also draw gold and prediction on one time axis a video, as SVG"),
  json: flag.toggle("json", "Print all figures as one JSON object instead of a table"),
}

/** What `compare` takes beside the two runs. */
export const compare = {
  gold: flag.text("gold", "PATH", "Compare both with this; without it, tell how far they agree"),
  reportJson: score.reportJson,
  json: score.json,
}

const { outputRoot, overwrite, adopt, allowLegacyResume, preflightOnly, ask, postValidate, verbose, json } =
  input

/** What `evaluate` takes beside the flags of a run. */
export const evaluated = {
  ...gold,
  videosDir: flag.text(
    "videos-dir",
    "DIR",
    "Where the videos of the gold are, or go; the output root with -videos if absent",
  ),
}

/** What `evaluate` takes: a run whose videos the gold names. */
export const evaluate = {
  ...evaluated,
  ...{ outputRoot, overwrite, adopt, allowLegacyResume, preflightOnly, ask, postValidate, verbose, json },
  ...batch,
  ...stages,
  ...work,
  ...model,
}

/** What `convert` takes. */
export const convert = {
  ...gold,
  to: flag.choice(
    "to",
    goldWriters.map(({ name }) => name),
    "csv",
    "The format to write",
  ),
  output: path("output", "DIR", "The folder to write to", "must name a folder"),
  fps: flag.optionalNumber(
    "fps",
    { min: 0.001, max: 100_000 },
    false,
    "Frame rate to count at, for formats that count frames",
  ),
}
