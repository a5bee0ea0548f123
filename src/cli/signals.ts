import { readFileSync } from "node:fs"
import { constants } from "node:os"

/** What asks for a gentle end, as Ctrl-C, `kill` and a closed terminal do. */
const gentle = ["SIGINT", "SIGTERM", "SIGHUP"] as const
/** Ctrl-\: at once. */
const harsh = "SIGQUIT"

/** Whether a process was started with a signal ignored, as `nohup` does. Undefined where that is not known. */
const ignores = (pid: number | "self", signal: keyof typeof constants.signals): boolean | undefined => {
  if (process.platform !== "linux") return undefined
  try {
    const [, mask = "0"] = /^SigIgn:\s*([0-9a-f]+)$/mu.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? []
    return ((BigInt(`0x${mask}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n
  } catch {
    // Without /proc nothing is known.
    return undefined
  }
}

/** `bun run` does not hand on what it was told to ignore. */
const isUnderNohup = (): boolean =>
  ignores("self", "SIGHUP") === true ||
  (process.env.npm_lifecycle_event !== undefined && ignores(process.ppid, "SIGHUP") === true)

/** Listens to the signals that end the program. */
export const listenToSignals = (onGentle: () => void, onHarsh: () => void): void => {
  const heard = isUnderNohup() ? gentle.filter((signal) => signal !== "SIGHUP") : gentle
  if (heard.length < gentle.length) process.on("SIGHUP", () => undefined)
  for (const signal of heard) process.on(signal, onGentle)
  if (process.platform !== "win32") process.on(harsh, onHarsh)
}
