import { readFileSync, readlinkSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { hostname } from "node:os"
import * as v from "valibot"
import { hasCode } from "./fault.ts"

/** A process, named so that it can be told from every other one: on this machine, on others, and after a reboot. */
export const processSchema = v.object({
  host: v.string(),
  pid: v.number(),
  /** Within which process ids mean something: one boot of one kernel and one PID namespace. Null where the system does not tell. */
  pid_space: v.nullable(v.string()),
  /** When the process started, in clock ticks since that boot. Null where the system does not tell. */
  process_start: v.nullable(v.string()),
})
export type ProcessName = v.InferOutput<typeof processSchema>

/** What has become of a process; `elsewhere` if that cannot be known from here. */
export type Liveness = "alive" | "dead" | "elsewhere"

const orNull = <A>(read: () => A): A | null => {
  try {
    return read()
  } catch {
    return null
  }
}

/** State and start of a process from the text of its `stat` (proc(5)); its name may hold spaces and parentheses. */
const parseStat = (text: string) => {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
  return { state: fields[0], start: fields[19] ?? null }
}

/** Reads the name of this process. */
export const thisProcess = (): ProcessName => {
  const boot = orNull(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim())
  const namespace = orNull(() => readlinkSync("/proc/self/ns/pid"))
  return {
    host: hostname(),
    pid: process.pid,
    pid_space: boot === null || namespace === null ? null : `${boot} ${namespace}`,
    process_start: orNull(() => parseStat(readFileSync("/proc/self/stat", "utf8")).start),
  }
}

const exists = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    // Another user's process may not be signalled, but it is there.
    return hasCode(cause, "EPERM")
  }
}

/** Whether a process still runs. Exact where its PID space is ours (Linux); no process is called dead by mistake. */
export const livenessOf = async (other: ProcessName, own: ProcessName): Promise<Liveness> => {
  if (own.pid_space === null || other.pid_space !== own.pid_space) return "elsewhere"
  if (!exists(other.pid)) return "dead"
  const text = await readFile(`/proc/${other.pid}/stat`, "utf8").catch(() => undefined)
  if (text === undefined) return exists(other.pid) ? "alive" : "dead"
  const { state, start } = parseStat(text)
  const hasEnded = state === "Z" || state === "X"
  return hasEnded || start !== other.process_start ? "dead" : "alive"
}
