import { Effect, Layer } from "effect"
import { ClipCutter } from "../ClipCutter.ts"
import { makeProgramCutter } from "../ffprobe/program-cutter.ts"
import { requireFfmpeg, runFfmpeg } from "./process.ts"
import { Ffmpeg, type FfmpegProgram } from "./program.ts"

const BACKEND = "ffmpeg"

const make = (program: FfmpegProgram) =>
  makeProgramCutter({
    backend: BACKEND,
    available: requireFfmpeg(program),
    run: ({ input }, args) => runFfmpeg({ ...program, args, file: input }),
  })

/** Cuts with an ffmpeg program. Same frames and times as the other cutters; the encoder's version is the program's. */
export const layer: Layer.Layer<ClipCutter, never, Ffmpeg> = Layer.effect(
  ClipCutter,
  Effect.map(Ffmpeg, make),
)
