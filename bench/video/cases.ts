import type { BenchCase } from "../case.ts"
import { measured, measureScript } from "./run.ts"

export const decoders = ["native", "ffmpeg", "wasm"] as const
export type DecoderName = (typeof decoders)[number]

interface Setup {
  /** The long video of the run. */
  readonly long: string
  /** Many short ones. */
  readonly short: ReadonlyArray<string>
}

const flags = (options: Readonly<Record<string, string | number>>): ReadonlyArray<string> =>
  Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])

const ours = (
  name: string,
  decoder: DecoderName,
  options: Readonly<Record<string, string | number>>,
  files: ReadonlyArray<string>,
): BenchCase => ({
  name: `${decoder}: ${name}`,
  run: async () =>
    (await measured([process.execPath, measureScript, ...flags({ decoder, ...options }), ...files])) ?? {
      note: "not available here",
    },
})

/** The cases of one backend: sampling, latency, probing, many files, and how it scales with workers. */
export const decoderCases = (decoder: DecoderName, { long, short }: Setup): ReadonlyArray<BenchCase> => [
  ours("8 frames", decoder, { count: 8 }, [long]),
  ours("50 frames", decoder, { count: 50 }, [long]),
  ours("500 frames", decoder, { count: 500 }, [long]),
  ours("50 keyframes", decoder, { count: 50, sampling: "keyframe" }, [long]),
  ours("100 frames of one stretch", decoder, { count: 100, work: "dense" }, [long]),
  ours("first frame", decoder, { count: 1 }, [long]),
  ours("probing", decoder, { work: "probe" }, [long]),
  ours(`${short.length} short files, 8 frames each`, decoder, { count: 8 }, short),
  ours("50 frames, 1 worker", decoder, { count: 50, workers: 1 }, [long]),
  ours("50 frames, 4 workers", decoder, { count: 50, workers: 4 }, [long]),
]
