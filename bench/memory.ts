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
