import { existsSync, readdirSync, readFileSync } from "node:fs"

/** The most memory this process ever held. The system's own figure for a child begins with that of its parent. */
export const peakRssMb = (): number => {
  const status = "/proc/self/status"
  const line = existsSync(status) ? /VmHWM:\s+(\d+) kB/u.exec(readFileSync(status, "utf8")) : null
  return line === null ? process.memoryUsage.rss() / 1e6 : (Number(line[1]) * 1024) / 1e6
}

/** Descriptors that this process has open now; 0 where the system does not tell. */
export const openDescriptors = (): number => {
  const folder = "/proc/self/fd"
  return existsSync(folder) ? readdirSync(folder).length : 0
}

const numberIn = (file: string, pattern: RegExp): number => {
  try {
    return Number(pattern.exec(readFileSync(file, "utf8"))?.[1] ?? 0)
  } catch {
    // The process has just ended.
    return 0
  }
}

const childrenOf = (pid: number): ReadonlyArray<number> => {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    )
  } catch {
    return []
  }
}

/** Memory that a process and all below it hold now, in MB; 0 where the system does not tell. */
export const treeRssMb = (pid: number): number =>
  childrenOf(pid).reduce(
    (sum, child) => sum + treeRssMb(child),
    (numberIn(`/proc/${pid}/status`, /VmRSS:\s+(\d+) kB/u) * 1024) / 1e6,
  )
