import { Effect } from "effect"
import type { Backend } from "../Backend.ts"
import { makeProgramCutter } from "../ffprobe/program-cutter.ts"
import { makeDecoder } from "./decoder.ts"
import { requireFfmpeg, runFfmpeg } from "./process.ts"
import { type FfmpegProgramSettings, makeProgram } from "./program.ts"

const NAME = "ffmpeg"

/**
 * Decodes and cuts with an ffmpeg program. Same frames and times as the other backends; the encoder's version is the program's.
 */
export const make = (settings: FfmpegProgramSettings): Effect.Effect<Backend> =>
  Effect.map(makeProgram(settings), (program) => ({
    name: NAME,
    available: requireFfmpeg(program),
    decoder: makeDecoder(NAME, program),
    cutter: makeProgramCutter({
      backend: NAME,
      run: ({ input }, args) => runFfmpeg({ ...program, args, file: input }),
    }),
  }))
