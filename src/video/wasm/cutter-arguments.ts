import type { ProgramFiles } from "../ffprobe/program-cutter.ts"
import { mediaPath, persistentOptions, sinkPath, TEXT_BYTES } from "./arguments.ts"
import { sourceName } from "./media.ts"

/** Name of the clip in the core. */
const CLIP = "clip"
const TEXT = sinkPath("text", TEXT_BYTES)
/** Options that would last from one run to the next, without and with a value; ours take their place. */
const LASTING = new Set(["-hide_banner", "-nostdin", "-copyts"])
const LASTING_WITH_VALUE = new Set(["-v", "-progress"])

export interface CutterArguments {
  readonly args: ReadonlyArray<string>
  readonly writesClip: boolean
  /** Name of the clip under `/media`. */
  readonly clipName: string
}

/** Arguments that are meant for the `ffmpeg` program, as the core needs them: with its own paths. */
export const cutterArguments = (
  { input, output }: ProgramFiles,
  args: ReadonlyArray<string>,
): CutterArguments => {
  const paths = new Map([
    [`file:${input}`, mediaPath(sourceName(input))],
    ...(output === undefined ? [] : [[`file:${output}`, mediaPath(CLIP)] as const]),
    ["pipe:1", TEXT],
  ])
  const own = args.filter(
    (arg, i) =>
      !LASTING.has(arg) && !LASTING_WITH_VALUE.has(arg) && !LASTING_WITH_VALUE.has(args[i - 1] ?? ""),
  )
  return {
    args: [...persistentOptions("error"), ...own.map((arg) => paths.get(arg) ?? arg)],
    writesClip: output !== undefined && args.includes(`file:${output}`),
    clipName: CLIP,
  }
}

/** Lists the video packets of a clip that was written. */
export const listClipArguments = (clip: string): ReadonlyArray<string> => [
  ...persistentOptions("error"),
  ...["-i", mediaPath(sourceName(clip)), "-map", "0:v:0", "-c", "copy", "-f", "framecrc", TEXT],
]
