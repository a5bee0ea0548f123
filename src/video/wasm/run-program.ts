import type { WorkerIo } from "../../threads/serve.ts"
import type { Instance } from "./instance.ts"
import { type OpenFile, openMedia, textOf } from "./media.ts"

/** Asks for a run of `ffmpeg` with given arguments, in which paths are those in the core. */
export interface RunCall {
  readonly type: "run"
  readonly file: string
  readonly args: ReadonlyArray<string>
  /** An existing file that the run may write, and its name under `/media`. */
  readonly output: { readonly name: string; readonly path: string } | undefined
}

/** Reply to `run`. */
export interface RunReply {
  readonly exitCode: number
  /** What was written to the sink's file `text`. */
  readonly text: string
  readonly lines: ReadonlyArray<string>
}

/** Runs a program for the cutter. */
export const runProgram = async (
  { file, args, output }: RunCall,
  instance: Instance,
  source: OpenFile,
  io: WorkerIo,
): Promise<RunReply> => {
  const written = output === undefined ? [] : [{ access: "write" as const, ...output }]
  const text = textOf("text")
  const media = openMedia(instance, file, source, io.poll, written)
  const { exitCode, lines } = await media.run("ffmpeg", args, text.take)
  return { exitCode, text: text.rest(), lines: [...lines] }
}
