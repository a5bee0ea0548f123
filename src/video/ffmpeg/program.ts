import { Context, Effect, Layer } from "effect"

export interface FfmpegProgramSettings {
  /** Path or name of an ffmpeg program, version 5.1 or later. */
  readonly bin: string
  /** How long a process may give no output, in milliseconds. */
  readonly deadlineMs: number
  /** Processes at most, for all videos together. */
  readonly size: number
}

/** An ffmpeg program, and the permits without which none of its processes is started. */
export interface FfmpegProgram extends FfmpegProgramSettings {
  readonly permits: Effect.Semaphore
}

/** The program `ffmpeg`, shared by the decoder and the cutter. */
export class Ffmpeg extends Context.Tag("triptych/Ffmpeg")<Ffmpeg, FfmpegProgram>() {}

export const layer = (settings: FfmpegProgramSettings): Layer.Layer<Ffmpeg> =>
  Layer.effect(
    Ffmpeg,
    Effect.map(Effect.makeSemaphore(settings.size), (permits) => ({ ...settings, permits })),
  )
