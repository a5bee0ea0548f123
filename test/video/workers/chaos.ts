import { appendFileSync, existsSync, readFileSync } from "node:fs"
import type { WorkerHandler } from "../../../src/threads/serve.ts"

/** The ways in which a thread comes to harm in the midst of decoding. */
export const harms = ["throw", "reject", "exit", "memory", "hang"] as const

/** Name of the variable that names the file to which every harm done is written. */
export const LOG = "TRIPTYCH_CHAOS_LOG"
/** How long a thread hangs, in milliseconds. */
export const HANG_MS = 1800

const pick = (below: number): number => Math.floor(Math.random() * below)

/** How often harm was done so far, by any thread. */
const harmDone = (log: string): number =>
  existsSync(log) ? readFileSync(log, "utf8").split("\n").length - 1 : 0

const harm = (): void => {
  const log = process.env[LOG] ?? ""
  // In turn: were it left to chance, so many could hang at once that the pool serves nobody any more.
  const way = harms[harmDone(log) % harms.length] ?? "throw"
  appendFileSync(log, `${way}\n`)
  switch (way) {
    case "throw":
      throw new TypeError("broken on purpose")
    case "reject":
      Promise.reject(new TypeError("nobody waits for this"))
      break
    case "exit":
      process.exit(3)
      break
    case "memory":
      new ArrayBuffer(2 ** 52)
      break
    case "hang":
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, HANG_MS)
  }
}

/** A worker's handler that comes to harm after some pictures, how many is left to chance. */
export const chaotic = (handler: WorkerHandler): WorkerHandler => {
  let left = 8 + pick(40)
  return (request, io) =>
    handler(request, {
      ...io,
      emit: (item, transfer) => {
        if (--left === 0) harm()
        io.emit(item, transfer)
      },
    })
}
