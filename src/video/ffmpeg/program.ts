import { Effect } from "effect"

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

export const makeProgram = (settings: FfmpegProgramSettings): Effect.Effect<FfmpegProgram> =>
  Effect.map(Effect.makeSemaphore(settings.size), (permits) => ({ ...settings, permits }))
