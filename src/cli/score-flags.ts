import { Option } from "effect"
import { goldFormats } from "../quality/formats/formats.ts"
import * as flag from "./flag.ts"

const formatNames = ["auto", ...goldFormats.map(({ name }) => name)]

/** What `score` takes. */
export const score = {
  gold: flag.parsed(
    "gold",
    "PATH",
    "The gold: a file, or a folder of files of one format",
    "",
    (path) => (path.trim() === "" ? Option.none() : Option.some(path)),
    "must name a file or a folder",
  ),
  outputRoot: flag.text("output-root", "DIR", "The finished videos to score"),
  predictions: flag.text("predictions", "PATH", "Score this instead: segments in one of the gold formats"),
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
    "Frames a second that the gold was counted at, for formats that count frames",
  ),
  goldLevel: flag.whole(
    "gold-level",
    { min: 1, max: 9 },
    1,
    "Which level of segments within segments is the gold; 1 is the coarsest",
  ),
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
