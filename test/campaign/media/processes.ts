import { readdirSync, readFileSync } from "node:fs"

/** Processes of a session that are alive, zombies aside. */
export const processesOf = (session: number): ReadonlyArray<number> =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/u.test(name))
    .filter((pid) => {
      try {
        const text = readFileSync(`/proc/${pid}/stat`, "utf8")
        // The name in parentheses may hold anything: state, parent, group and session follow the last one.
        const [state, , , own] = text.slice(text.lastIndexOf(")") + 2).split(" ")
        return own === String(session) && state !== "Z"
      } catch {
        return false
      }
    })
    .map(Number)

/** Ends what is alive of a session. */
export const endSession = (session: number): void => {
  for (const pid of processesOf(session)) {
    try {
      process.kill(pid, "SIGKILL")
    } catch {
      // It has just ended by itself.
    }
  }
}
