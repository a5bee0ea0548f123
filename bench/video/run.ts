import { join } from "node:path"
import type { Figures } from "../case.ts"
import { treeRssMb } from "../memory.ts"

/** How often the memory of a measuring process and those it starts is looked at, in milliseconds. */
const WATCH_MS = 20

/** What a measuring process printed, with what the system says it and those below it used. */
export const measured = async (command: ReadonlyArray<string>): Promise<Figures | undefined> => {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" })
  let treePeak = 0
  const watch = setInterval(() => {
    treePeak = Math.max(treePeak, treeRssMb(child.pid))
  }, WATCH_MS)
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  const code = await child.exited
  clearInterval(watch)
  if (code !== 0) {
    console.error(`${command.join(" ")}\n${stderr.split("\n").slice(-3).join("\n")}`)
    return undefined
  }
  const usage = child.resourceUsage()
  const line = stdout.trim().split("\n").at(-1) ?? "{}"
  const printed: Figures = JSON.parse(line)
  const { pictures = 0, seconds = 0 } = printed
  const ownPeak = Number(printed.peak_rss_mb ?? (usage?.maxRSS ?? 0) / 1e6)
  return {
    ...printed,
    peak_rss_mb: Math.max(ownPeak, treePeak),
    frames_per_second: Number(pictures) / Math.max(Number(seconds), 1e-9),
    cpu_seconds: Number(usage?.cpuTime.total ?? 0) / 1e6,
  }
}

export const measureScript = join(import.meta.dir, "measure.ts")
export const peersScript = join(import.meta.dir, "peers.py")
