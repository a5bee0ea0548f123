import { defaultSettings } from "../../config.ts"
import * as flag from "../flag.ts"
import { input } from "./input.ts"
import { folder, stageList } from "./kinds.ts"
import { decoding } from "./work.ts"

/** What `validate` takes. */
export const validate = {
  videoOutputDir: flag.text("video-output-dir", "DIR", "The folder of one video, <output root>/<video id>"),
  outputRoot: flag.text("output-root", "DIR", "An output root: every folder in it is checked"),
  quick: flag.toggle("quick", "Do not decode the clips; compare only their digests"),
  checkDeps: flag.toggle("check-deps", "Also check that decoder and cutter work on this machine"),
  ffmpegBin: flag.text(
    "ffmpeg-bin",
    "FILE",
    "The ffmpeg program that decodes clips, and with --check-deps is checked",
  ),
  reportJson: flag.text("report-json", "FILE", "Also write the findings to this file as JSON"),
  failOnWarnings: flag.toggle("fail-on-warnings", "Treat a folder with warnings as invalid"),
  selfTest: flag.toggle(
    "self-test",
    "Test the validator: a sound folder must pass, and damage to it must be found",
  ),
}

/** What `status` takes. */
export const status = {
  outputRoot: input.outputRoot,
  stages: stageList("Stages that a video needs to be done"),
  watch: flag.toggle("watch", "Refresh every two seconds, until nothing is left to do"),
  json: flag.toggle(
    "json",
    "Print one JSON object instead of a table; with --watch one a line, when it changes",
  ),
}

/** What `frames` takes. */
export const frames = {
  video: flag.text("video", "FILE", "The video, or a step's clip"),
  at: flag.many("at", "T", "A time in seconds, as in a manifest's timestamp_sec; may be given many times"),
  output: folder("output", "frames", "Where the pictures go"),
  jpegQuality: flag.whole(
    "jpeg-quality",
    { min: 1, max: 100 },
    defaultSettings.jpegQuality,
    "Quality of the pictures, as in the manifest's jpeg_quality",
  ),
  ...decoding,
  ffmpegBin: flag.text("ffmpeg-bin", "FILE", "The program of --decoder ffmpeg, instead of the one in PATH"),
}

/** What `demo` takes. */
export const demo = {
  outputRoot: folder("output-root", "demo-output", "Where the demo goes"),
  verbose: flag.toggle("verbose", "Print more"),
}
