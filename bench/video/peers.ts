import { Effect } from "effect"
import * as Layers from "../../src/layers.ts"
import { uniformFrames } from "../../src/video/sampling.ts"
import { VideoDecoder } from "../../src/video/VideoDecoder.ts"
import type { BenchCase, Figures } from "../case.ts"
import { measured, peersScript } from "./run.ts"

/** The 50 frames every peer is asked for: their indices and times in seconds. */
const targetsOf = (file: string) =>
  Effect.gen(function* () {
    const source = yield* (yield* VideoDecoder).probe(file)
    const { num, den } = source.timeBase
    const indices = uniformFrames(source.framePts, 50)
    return { indices, times: indices.map((index) => ((source.framePts[index] ?? 0) * num) / den) }
  }).pipe(Effect.provide(Layers.video()), Effect.runPromise)

/** Runs `ffmpeg`, if it is installed; CPU seconds and MB of memory it used. */
export const runFfmpeg = async (args: ReadonlyArray<string>): Promise<{ cpu: number; rss: number }> => {
  const child = Bun.spawn(["ffmpeg", "-v", "error", "-nostdin", ...args], {
    stdout: "ignore",
    stderr: "ignore",
  })
  await child.exited
  const usage = child.resourceUsage()
  return { cpu: Number(usage?.cpuTime.total ?? 0) / 1e6, rss: (usage?.maxRSS ?? 0) / 1e6 }
}

const timed = async (work: () => Promise<ReadonlyArray<{ cpu: number; rss: number }>>): Promise<Figures> => {
  const started = performance.now()
  const used = await work()
  const seconds = (performance.now() - started) / 1000
  return {
    pictures: 50,
    seconds,
    frames_per_second: 50 / seconds,
    cpu_seconds: used.reduce((sum, { cpu }) => sum + cpu, 0),
    peak_rss_mb: Math.max(...used.map(({ rss }) => rss)),
  }
}

/** `ffmpeg -ss` once per frame, two at a time, JPEG thrown away. */
const ffmpegSeeking = (file: string, times: ReadonlyArray<number>) =>
  timed(async () => {
    const left = [...times]
    const used: Array<{ cpu: number; rss: number }> = []
    const worker = async () => {
      for (let time = left.shift(); time !== undefined; time = left.shift()) {
        const one = ["-ss", String(Math.max(0, time - 1e-4)), "-threads", "1", "-i", file, "-frames:v", "1"]
        used.push(await runFfmpeg([...one, "-q:v", "2", "-f", "image2pipe", "-c:v", "mjpeg", "-"]))
      }
    }
    await Promise.all([worker(), worker()])
    return used
  })

/** One `ffmpeg` over the whole file that selects the frames by index. */
const ffmpegOnePass = (file: string, indices: ReadonlyArray<number>) => {
  const select = indices.map((index) => `eq(n\\,${index})`).join("+")
  const output = ["-fps_mode", "passthrough", "-q:v", "2", "-f", "image2pipe", "-c:v", "mjpeg", "-"]
  return timed(async () => [
    await runFfmpeg(["-threads", "2", "-i", file, "-vf", `select=${select}`, ...output]),
  ])
}

const python = process.env.BENCH_PYTHON ?? "python3"
const pythonPeers = ["opencv", "opencv-jpeg", "pyav", "decord", "torchcodec"] as const

/** Whichever other tools are installed, on the same frames of the same file. `BENCH_PYTHON` names the Python to use. */
export const peerCases = async (file: string): Promise<ReadonlyArray<BenchCase>> => {
  const { indices, times } = await targetsOf(file)
  const missing: Figures = { note: "not installed here" }
  const fromPython = pythonPeers.map((peer) => ({
    name: `peer ${peer}: 50 frames`,
    run: async () =>
      (await measured([python, peersScript, peer, file, JSON.stringify(indices), JSON.stringify(times)])) ??
      missing,
  }))
  const hasFfmpeg = Bun.which("ffmpeg") !== null
  return [
    {
      name: "peer ffmpeg -ss per frame, two at a time: 50 frames",
      run: async () => (hasFfmpeg ? ffmpegSeeking(file, times) : missing),
    },
    {
      name: "peer ffmpeg in one pass: 50 frames",
      run: async () => (hasFfmpeg ? ffmpegOnePass(file, indices) : missing),
    },
    ...fromPython,
  ]
}
