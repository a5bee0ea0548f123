import { writeFile } from "node:fs/promises"
import { Effect } from "effect"
import * as v from "valibot"
import { makeProgramCutter, type ProgramFiles } from "../ffprobe/program-cutter.ts"
import { VideoError } from "../VideoError.ts"
import type { VideoWorkers } from "../workers.ts"
import { cutterArguments, listClipArguments } from "./cutter-arguments.ts"
import type { RunCall } from "./run-program.ts"

/** Lines of the error output that go into a message. */
const TAIL_LINES = 6

const RunReply = v.strictObject({
  exitCode: v.number(),
  text: v.string(),
  lines: v.array(v.string()),
})

/** Makes the empty file into which the core writes; it opens no others. */
const createOutput = (file: string, output: string) =>
  Effect.tryPromise({
    try: () => writeFile(output, ""),
    catch: (cause) =>
      new VideoError({
        reason: "CutFailed",
        file,
        message: `${output} cannot be created: ${cause instanceof Error ? cause.message : String(cause)}`,
        cause,
      }),
  })

const packetLines = (text: string): number => text.split("\n").filter((line) => line.startsWith("0,")).length

/**
 * Cuts with ffmpeg in WebAssembly, in worker threads. Same frames and times as the other cutters.
 *
 * @param name of the backend
 */
export const makeCutter = (name: string, pool: VideoWorkers) => {
  const call = (request: RunCall) =>
    pool.run({ file: request.file, request, result: RunReply, item: v.never() })

  const run = Effect.fnUntraced(function* (files: ProgramFiles, args: ReadonlyArray<string>) {
    const { input: file, output: path } = files
    const translated = cutterArguments(files, args)
    if (!translated.writesClip || path === undefined) {
      const { exitCode, text, lines } = yield* call({
        type: "run",
        file,
        args: translated.args,
        output: undefined,
      })
      return { exitCode, stdout: text, tail: lines.slice(-TAIL_LINES).join("\n") }
    }
    yield* createOutput(file, path)
    const output = { name: translated.clipName, path }
    const { exitCode, lines } = yield* call({ type: "run", file, args: translated.args, output })
    const tail = lines.slice(-TAIL_LINES).join("\n")
    if (exitCode !== 0) return { exitCode, stdout: "", tail }
    // Counted in the file itself: a running count would need an option that lasts from one run to the next.
    const listed = yield* call({
      type: "run",
      file: path,
      args: listClipArguments(path),
      output: undefined,
    })
    return { exitCode: listed.exitCode, stdout: `frame=${packetLines(listed.text)}\n`, tail }
  })

  return makeProgramCutter({ backend: name, run })
}
