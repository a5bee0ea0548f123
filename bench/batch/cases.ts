import { join } from "node:path"
import type { BenchCase, Figures } from "../case.ts"
import { measured } from "../video/run.ts"

const inFlight = 16
const callsPerVideo = 7
/** Calls that one video makes one after the other: draft, localisation, then all steps at once. */
const roundsPerVideo = 3

/** The service runs in a process of its own, so that only the client is measured. */
const startService = async (latencyMs: number) => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "service.ts"), String(latencyMs)], {
    stdout: "pipe",
    stdin: "ignore",
  })
  const { value } = await child.stdout.getReader().read()
  const address = new TextDecoder().decode(value).trim()
  return {
    url: `${address}/v1`,
    counts: async (): Promise<{ calls: number; mostInFlight: number }> =>
      (await fetch(`${address}/counts`)).json() as Promise<{ calls: number; mostInFlight: number }>,
    [Symbol.asyncDispose]: async () => {
      child.kill()
      await child.exited
    },
  }
}

const run = async (videos: ReadonlyArray<string>, latencyMs: number): Promise<Figures> => {
  await using service = await startService(latencyMs)
  const script = join(import.meta.dir, "measure.ts")
  const flags = ["--url", service.url, "--in-flight", String(inFlight)]
  const figures = await measured([process.execPath, script, ...flags, ...videos])
  if (figures === undefined) return { note: "failed" }
  const { calls, mostInFlight } = await service.counts()
  const rounds = Math.max(roundsPerVideo, (videos.length * callsPerVideo) / inFlight)
  const idealSeconds = (rounds * latencyMs) / 1000
  const { frames_per_second: _, ...rest } = figures
  return {
    ...rest,
    ideal_seconds: idealSeconds,
    share_of_ideal: idealSeconds / Number(figures.seconds),
    calls,
    most_in_flight: mostInFlight,
  }
}

const secondMs = 1000

/** Whole runs against a service on loopback: how near they come to what its latency allows, and where the time goes. */
export const batchCases = (
  long: string,
  short: ReadonlyArray<string>,
  quick: boolean,
): ReadonlyArray<BenchCase> => {
  const sizes = quick ? [short.length] : [20, 50, 200]
  const few = (count: number) => short.slice(0, count)
  return [
    { name: "end to end: 1 long video, 2 s a call", run: () => run([long], 2 * secondMs) },
    ...sizes.map((size) => {
      const seconds = size === 50 ? 2 : 1
      return {
        name: `end to end: ${size} short videos, ${seconds} s a call`,
        run: () => run(few(size), seconds * secondMs),
      }
    }),
  ]
}
