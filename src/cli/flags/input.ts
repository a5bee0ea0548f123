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
    "A text file with the path of one video a line, or - for standard input",
  ),
  recursive: flag.toggle("recursive", "With --input-video-dir: look into subfolders too"),
  glob: flag.text(
    "glob",
    "PATTERN",
    "With --input-video-dir: only files whose path below it matches, as in 'kitchen/**/*.mp4'",
  ),
  id: flag.choice(
    "id",
    ["name", "path"],
    "name",
    "What folders are called after: the file's name, or its path below the input folder, as in a__cam for a/cam.mp4",
  ),
  outputRoot: folder(
    "output-root",
    defaultSettings.outputRoot,
    "Where the dataset goes, one folder per video",
  ),
  overwrite: flag.toggle(
    "overwrite",
    "Run everything again instead of going on; another video's folder is never touched",
  ),
  adopt: flag.toggle(
    "adopt",
    "Continue folders of the original implementation: answers that pass the checks are kept, pictures and clips are made again",
  ),
  allowLegacyResume: flag.toggle(
    "allow-legacy-resume",
    "The same for those of its folders only that have no schema fingerprint",
  ),
  preflightOnly: flag.toggle(
    "preflight-only",
    "Check input, tools, prompts and output folder, then stop; nothing is sent or written",
  ),
  postValidate: flag.toggle("post-validate", "Check every finished folder as `validate` does"),
  verbose: flag.toggle(
    "verbose",
    "Tell more: every problem of a rejected answer, everything that was kept. Or VERBOSE_LOGGING=1",
  ),
  json: flag.toggle(
    "json",
    "Print what happens as JSON, one object a line on stdout, and nothing else there",
  ),
}
