import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import * as Layers from "../../src/layers.ts"
import { VideoDecoder } from "../../src/video/VideoDecoder.ts"
import type { BenchCase, Figures } from "../case.ts"
import { runFfmpeg } from "../video/peers.ts"
import { measured } from "../video/run.ts"

const CLIPS = 5
const script = join(import.meta.dir, "measure.ts")
const missing: Figures = { note: "not available here" }

const cut = (mode: string, file: string) =>
  measured([process.execPath, script, "--mode", mode, "--clips", String(CLIPS), file])

const durationOf = (file: string): Promise<number> =>
  Effect.gen(function* () {
    const { endPts, framePts, timeBase } = yield* (yield* VideoDecoder).probe(file)
    return ((endPts - (framePts[0] ?? 0)) * timeBase.num) / timeBase.den
  }).pipe(Effect.provide(Layers.video()), Effect.runPromise)

/** CPU seconds of `ffmpeg` re-encoding the same clips, at the quality and speed that are the defaults here. */
const ffmpegReencoding = async (file: string): Promise<number> => {
  const length = (await durationOf(file)) / CLIPS
  const folder = mkdtempSync(join(tmpdir(), "triptych-bench-cut-"))
  try {
    let cpu = 0
    for (let i = 0; i < CLIPS; i++) {
      const range = ["-ss", String(i * length), "-t", String(length), "-i", file, "-an"]
      const encoder = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "18"]
      cpu += (await runFfmpeg([...range, ...encoder, join(folder, `${i}.mp4`)])).cpu
    }
    return cpu
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Cutting one video into clips that lie side by side. */
export const cutCases = (file: string, withPeers: boolean): ReadonlyArray<BenchCase> => [
  { name: `cut: ${CLIPS} clips, smart`, run: async () => (await cut("smart", file)) ?? missing },
  { name: `cut: ${CLIPS} clips, reencode`, run: async () => (await cut("reencode", file)) ?? missing },
  ...(withPeers
    ? [
        {
          name: `cut: ${CLIPS} clips, smart, against ffmpeg re-encoding`,
          run: async (): Promise<Figures> => {
            const ours = await cut("smart", file)
            if (ours === undefined || Bun.which("ffmpeg") === null) return missing
            const ffmpeg = await ffmpegReencoding(file)
            return {
              ...ours,
              ffmpeg_cpu_seconds: ffmpeg,
              cpu_ratio: ffmpeg / Math.max(1e-9, Number(ours.cpu_seconds)),
            }
          },
        },
      ]
    : []),
]
