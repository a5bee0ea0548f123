import { join } from "node:path"
import type { Figures } from "../case.ts"

/** What a measuring process printed, with what the system says it used. */
export const measured = async (command: ReadonlyArray<string>): Promise<Figures | undefined> => {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" })
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  if ((await child.exited) !== 0) {
    console.error(`${command.join(" ")}\n${stderr.split("\n").slice(-3).join("\n")}`)
    return undefined
  }
  const usage = child.resourceUsage()
  const line = stdout.trim().split("\n").at(-1) ?? "{}"
  const printed: Figures = JSON.parse(line)
  const { pictures = 0, seconds = 0 } = printed
  return {
    peak_rss_mb: (usage?.maxRSS ?? 0) / 1e6,
    ...printed,
    frames_per_second: Number(pictures) / Math.max(Number(seconds), 1e-9),
    cpu_seconds: Number(usage?.cpuTime.total ?? 0) / 1e6,
  }
}

export const measureScript = join(import.meta.dir, "measure.ts")
export const peersScript = join(import.meta.dir, "peers.py")
