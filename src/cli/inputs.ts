import { stat } from "node:fs/promises"
import { resolve } from "node:path"
import { Console, Effect, Option } from "effect"
import {
  discoverVideos,
  type FolderSelection,
  type FoundVideos,
  listedVideos,
  type RefusedInput,
  withoutBadIds,
} from "../batch/discover.ts"
import { hasCode } from "../files/fault.ts"
import { unreadableText } from "../files/fault-text.ts"
import type { InputRecord } from "../output-root/state.ts"
import { videoId } from "../output-root/video-id.ts"
import { printable } from "../text/printable.ts"
import type { Flags } from "./flag.ts"
import type { batch } from "./flags/batch.ts"
import type { input } from "./flags/input.ts"
import { UsageError } from "./usage.ts"

/** The flags that say which videos a run is about. */
type InputFlags = Pick<
  Flags<typeof input & typeof batch>,
  | "inputVideo"
  | "inputVideoDir"
  | "inputList"
  | "recursive"
  | "glob"
  | "id"
  | "outputRoot"
  | "continueOnError"
  | "retryFailed"
>

type Naming = Pick<InputFlags, "id" | "inputVideoDir">

/** With `--id path`, the folder that paths are told from: the input folder, or where the command runs. */
const baseOf = ({ id, inputVideoDir }: Naming): string | undefined =>
  id === "path" ? resolve(Option.getOrElse(inputVideoDir, () => ".")) : undefined

/** The same as part of settings. */
export const idBaseOf = (given: Naming): { readonly idBase?: string } => {
  const idBase = baseOf(given)
  return idBase === undefined ? {} : { idBase }
}

/** What is wrong with a path that does not exist, as the rest of a sentence about it; empty if nothing is known. */
const wayOut = (given: string): string => {
  if (given.startsWith("~")) return "; here ~ does not stand for your home folder: write the path in full"
  return given.includes("\ufffd") ? "; if its name is not UTF-8, rename it" : ""
}

/** An address is not repeated: it may hold a key or a signature. */
const isAddress = (given: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//iu.test(given)

const oneFile = Effect.fn("Cli.oneFile")(function* (file: string) {
  const path = resolve(file)
  const found = yield* Effect.tryPromise({
    try: () => stat(path),
    catch: (cause) => {
      if (isAddress(file)) {
        const message = "--input-video takes the path of a file, not an address; download the video first"
        return new UsageError({ message })
      }
      const why = `${unreadableText(cause)}${hasCode(cause, "ENOENT") ? wayOut(file) : ""}`
      return new UsageError({ message: `${path} ${why}` })
    },
  })
  if (found.isDirectory()) {
    return yield* new UsageError({
      message: `${path} is a folder; use --input-video-dir for a folder of videos`,
    })
  }
  return { files: [path], refused: [] } satisfies FoundVideos
})

/** All videos the flags name, before any selection. */
const inputFiles = Effect.fn("Cli.inputFiles")(function* (given: InputFlags) {
  const { inputVideo, inputVideoDir, inputList } = given
  if ([inputVideo, inputVideoDir, inputList].filter(Option.isSome).length > 1) {
    const message = "give only one of --input-video, --input-video-dir and --input-list"
    return yield* new UsageError({ message })
  }
  if (Option.isNone(inputVideoDir) && (given.recursive || Option.isSome(given.glob))) {
    return yield* new UsageError({ message: "--recursive and --glob need --input-video-dir" })
  }
  const idBase = baseOf(given)
  if (Option.isSome(inputVideo)) return withoutBadIds(yield* oneFile(inputVideo.value), idBase)
  if (Option.isSome(inputList)) return yield* listedVideos(inputList.value, idBase)
  if (Option.isSome(inputVideoDir)) {
    const selection: FolderSelection = {
      recursive: given.recursive,
      ...(Option.isSome(given.glob) ? { glob: given.glob.value } : {}),
      except: [given.outputRoot],
      ...idBaseOf(given),
    }
    return yield* discoverVideos(inputVideoDir.value, selection)
  }
  const message = "give --input-video FILE, --input-video-dir DIR or --input-list FILE"
  return yield* new UsageError({ message })
})

const mostTold = 5

const told = (refused: ReadonlyArray<RefusedInput>): string => {
  const more = refused.length > mostTold ? [`and ${refused.length - mostTold} more`] : []
  return [...refused.slice(0, mostTold).map(({ message }) => message), ...more].join("\n")
}

/**
 * The videos of a run. What is refused is told, and ends the run before anything is done, unless the others are to be worked on
 * all the same.
 */
export const findInputs = Effect.fn("Cli.findInputs")(function* (given: InputFlags) {
  const found = yield* Effect.catchTag(
    inputFiles(given),
    "InputError",
    ({ message }) => new UsageError({ message }),
  )
  const { files, refused } = found
  const goesOn = (given.continueOnError || given.retryFailed) && files.length > 0
  if (refused.length > 0 && !goesOn) {
    const wayOut = files.length > 0 ? "\nWith --continue-on-error the other videos are worked on." : ""
    return yield* new UsageError({ message: `${told(refused)}${wayOut}` })
  }
  for (const { message } of refused) yield* Console.error(printable(`error: ${message}`))
  return found
})

/** The inputs as the output root notes them. */
export const inputRecords = ({ files, refused }: FoundVideos, given: Naming): ReadonlyArray<InputRecord> => [
  ...files.map((file) => ({ video_id: videoId(file, baseOf(given)), source_video: file })),
  ...refused.map(({ message, path, reason }) => ({
    video_id: null,
    source_video: path,
    refused: { message, reason },
  })),
]
