import { Effect, Layer } from "effect"
import { ClipCutter } from "../ClipCutter.ts"
import { makeProgramCutter } from "../ffprobe/program-cutter.ts"
import { VideoError } from "../VideoError.ts"
import { runFfmpeg } from "./process.ts"
import { Ffmpeg, type FfmpegProgram } from "./program.ts"

const BACKEND = "ffmpeg"

const make = (program: FfmpegProgram) => {
  const available = runFfmpeg({ ...program, args: ["-version"], file: "" }).pipe(
    Effect.filterOrFail(
      (done) => done.exitCode === 0,
      (done) =>
        new VideoError({
          reason: "BackendUnavailable",
          file: "",
          message: `the program "${program.bin}" does not answer as ffmpeg does: ${done.tail}`,
        }),
    ),
    Effect.asVoid,
  )

  return makeProgramCutter({
    backend: BACKEND,
    available,
    run: ({ input }, args) => runFfmpeg({ ...program, args, file: input }),
  })
}

/** Cuts with an ffmpeg program. Same frames and times as the other cutters; the encoder's version is the program's. */
export const layer: Layer.Layer<ClipCutter, never, Ffmpeg> = Layer.effect(
  ClipCutter,
  Effect.map(Ffmpeg, make),
)
