import { existsSync, readdirSync, readFileSync } from "node:fs"

/** A figure of a process's memory in MB, or `undefined` where the system does not tell, or the process has just ended. */
const statusMb = (pid: number | "self", field: "VmHWM" | "VmRSS"): number | undefined => {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8")
    const kib = new RegExp(`${field}:\\s+(\\d+) kB`, "u").exec(status)?.[1]
    return kib === undefined ? undefined : (Number(kib) * 1024) / 1e6
  } catch {
    return undefined
  }
}

/** The most memory that another process ever held, in MB, those below it not counted; 0 where the system does not tell. */
export const peakRssMbOf = (pid: number): number => statusMb(pid, "VmHWM") ?? 0

/** The most memory this process ever held. The system's own figure for a child begins with that of its parent. */
export const peakRssMb = (): number => statusMb("self", "VmHWM") ?? process.memoryUsage.rss() / 1e6

/** Descriptors that this process has open now; 0 where the system does not tell. */
export const openDescriptors = (): number => {
  const folder = "/proc/self/fd"
  return existsSync(folder) ? readdirSync(folder).length : 0
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
  childrenOf(pid).reduce((sum, child) => sum + treeRssMb(child), statusMb(pid, "VmRSS") ?? 0)
