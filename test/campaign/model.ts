import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { type Finding, judge, startMisbehaving } from "../support/campaign.ts"

/**
 * A campaign of calls against a service that misbehaves in every way there is, and what that does to this process:
 * `bun run campaign:model [--count N] [--seed N] [--at-once N] [--megabytes N] [--block-ms N]`. Exits with 1 if anything is not
 * as it should be.
 */
const { values } = parseArgs({
  options: {
    count: { type: "string", default: "300" },
    seed: { type: "string", default: "1" },
    "at-once": { type: "string", default: "4" },
    megabytes: { type: "string", default: "150" },
    "block-ms": { type: "string", default: "100" },
  },
})
const [count, seed, atOnce] = [Number(values.count), Number(values.seed), Number(values["at-once"])]

/** Memory above that of the idle process, and the longest that the loop may be kept from going round. */
const [mostMemoryMB, longestBlockMs] = [Number(values.megabytes), Number(values["block-ms"])]
const everyMs = 5

const residentMB = (): number => process.memoryUsage().rss / 1e6
/** Processor time of this thread: what it was kept from by other processes is no fault of its own. */
const busyMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** Watches the memory of this process, and how long its loop is kept from going round. */
const watch = () => {
  const idleMB = residentMB()
  const figures = { idleMB, peakMB: idleMB, longestMs: 0, longestWallMs: 0 }
  let last = performance.now()
  let busy = busyMs()
  const timer = setInterval(() => {
    const [now, busyNow] = [performance.now(), busyMs()]
    const late = now - last - everyMs
    figures.longestWallMs = Math.max(figures.longestWallMs, late)
    figures.longestMs = Math.max(figures.longestMs, Math.min(late, busyNow - busy))
    figures.peakMB = Math.max(figures.peakMB, residentMB())
    last = now
    busy = busyNow
  }, everyMs)
  return { figures, stop: () => clearInterval(timer) }
}

const folder = await mkdtemp(join(tmpdir(), "triptych-campaign-"))
try {
  await using server = await startMisbehaving()
  // What is loaded and compiled at the first calls belongs to an idle process.
  for (let index = 0; index < 12; index++) await judge(server.url, seed + 1, index, folder)
  Bun.gc(true)
  const { figures, stop } = watch()
  const findings: Array<Finding> = []
  let next = 0
  const worker = async () => {
    while (next < count) findings.push(await judge(server.url, seed, next++, folder))
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  stop()
  const wrong = findings.filter(({ problems }) => problems.length > 0).toSorted((a, b) => a.index - b.index)
  for (const { index, name, problems } of wrong) console.log(`${index} ${name}: ${problems.join("; ")}`)
  const byOutcome = Map.groupBy(findings, ({ outcome }) => outcome)
  const aboveMB = figures.peakMB - figures.idleMB
  console.log(`seed ${seed}: ${count} calls, ${wrong.length} not as they should be`)
  console.log([...byOutcome].map(([outcome, all]) => `${outcome} ${all.length}`).join(", "))
  console.log(`memory: ${aboveMB.toFixed(0)} MB above idle at most (limit ${mostMemoryMB})`)
  console.log(
    `loop: blocked for ${figures.longestMs.toFixed(0)} ms at most (limit ${longestBlockMs}); ${figures.longestWallMs.toFixed(0)} ms by the wall clock, other processes included`,
  )
  process.exitCode = wrong.length > 0 || aboveMB > mostMemoryMB || figures.longestMs > longestBlockMs ? 1 : 0
} finally {
  await rm(folder, { recursive: true, force: true })
}
