import { defaultSettings } from "../../config.ts"
import * as flag from "../flag.ts"
import { folder } from "./kinds.ts"

/** What is worked on and where it goes. */
export const input = {
  inputVideo: flag.text("input-video", "FILE", "One video file"),
  inputVideoDir: flag.text(
    "input-video-dir",
    "DIR",
    "A folder of videos (.mp4 .avi .mov .mkv .webm), in order of name",
  ),
  inputList: flag.text(
    "input-list",
    "FILE",
    "A text file with one video path a line, or - for standard input",
  ),
  recursive: flag.toggle("recursive", "With --input-video-dir: include subfolders"),
  glob: flag.text(
    "glob",
    "PATTERN",
    "With --input-video-dir: only files whose path below it matches, as in 'kitchen/**/*.mp4'",
  ),
  id: flag.choice(
    "id",
    ["name", "path"],
    "name",
    "What a video's folder is named after: its file name, or its path below the input folder, as in a__cam for a/cam.mp4",
  ),
  outputRoot: folder(
    "output-root",
    defaultSettings.outputRoot,
    "Where the dataset goes, one folder per video",
  ),
  overwrite: flag.toggle(
    "overwrite",
    "Run everything again instead of resuming; another video's folder is never touched",
  ),
  adopt: flag.toggle(
    "adopt",
    "Resume folders of the original implementation: answers that pass the checks are kept, pictures and clips are made again",
  ),
  allowLegacyResume: flag.toggle(
    "allow-legacy-resume",
    "The same, but only for folders of it that have no schema fingerprint",
  ),
  preflightOnly: flag.toggle(
    "preflight-only",
    "Check input, tools, prompts and output folder, then stop; nothing is written, and without --ask nothing is sent",
  ),
  ask: flag.toggle(
    "ask",
    "With --preflight-only: also ask the service about one small image, which is paid for, and tell what it takes",
  ),
  postValidate: flag.toggle("post-validate", "Check every finished folder as `validate` does"),
  verbose: flag.toggle(
    "verbose",
    "Print more: every problem of a rejected answer, and everything that was kept. Or VERBOSE_LOGGING=1",
  ),
  json: flag.toggle("json", "Print events as JSON, one object a line on stdout, and nothing else there"),
}
