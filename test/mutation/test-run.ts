import { spawn } from "node:child_process"
import { closeSync, openSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { Copy } from "./copy.ts"

/** How a run of tests ended. `hung`: it was ended from outside, for its time or its memory. */
export type Outcome = "passed" | "failed" | "hung"

export interface TestRun {
  readonly outcome: Outcome
  /** The first test that failed, as `bun test` prints it. */
  readonly failed: string | undefined
  readonly output: string
}

export interface TestRequest {
  readonly file: string
  readonly flags: ReadonlyArray<string>
  /** Seconds after which the run is ended. */
  readonly deadline: number
  readonly signal: AbortSignal
}

/** Memory of all processes of a run together, in MB, at which it is ended: a mutant may grow without end. */
const mostMemoryMb = 3000
const lookEveryMs = 2000

/** Resident memory of a process group in MB; 0 where there is no `ps`. */
const memoryOf = (group: number): number => {
  if (Bun.which("ps") === null) return 0
  const listed = Bun.spawnSync(["ps", "-A", "-o", "pgid=,rss="]).stdout.toString()
  return listed.split("\n").reduce((sum, line) => {
    const [pgid, kilobytes] = line.trim().split(/\s+/u)
    return Number(pgid) === group ? sum + Number(kilobytes) / 1024 : sum
  }, 0)
}

const endGroup = (group: number): void => {
  try {
    process.kill(-group, "SIGKILL")
  } catch (error) {
    // Nobody is left in it.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error
  }
}

/** The environment of a user without settings of their own: a mutant must not reach anybody's service. */
const environment = (copy: Copy): Record<string, string> => {
  const { PATH = "", HOME = "" } = process.env
  return { PATH, HOME, TMPDIR: copy.temporary }
}

/** Runs one test file in a copy, in a process group of its own of which nothing is left afterwards. */
export const runTests = async (copy: Copy, request: TestRequest): Promise<TestRun> => {
  const { file, flags, deadline, signal } = request
  const log = join(copy.temporary, "output.log")
  const output = openSync(log, "w")
  const child = spawn(process.execPath, ["test", "--no-orphans", ...flags, `./${file}`], {
    cwd: copy.root,
    env: environment(copy),
    stdio: ["ignore", output, output],
    detached: true,
  })
  closeSync(output)
  const group = child.pid
  const ended = Promise.withResolvers<Outcome>()
  child.on("error", ended.reject)
  child.on("exit", (code) => ended.resolve(code === 0 ? "passed" : "failed"))
  const started = performance.now()
  const hang = (): void => ended.resolve("hung")
  const watch = setInterval(() => {
    const late = performance.now() - started > deadline * 1000
    if (late || (group !== undefined && memoryOf(group) > mostMemoryMb)) hang()
  }, lookEveryMs)
  signal.addEventListener("abort", hang)
  try {
    const outcome = await ended.promise
    signal.throwIfAborted()
    const text = readFileSync(log, "utf8")
    const failed = /^\(fail\) (.*?)(?: \[[\d.]+ms\])?$/mu.exec(text)?.[1]
    return { outcome, failed, output: text }
  } finally {
    clearInterval(watch)
    signal.removeEventListener("abort", hang)
    if (group !== undefined) endGroup(group)
    copy.tidy()
  }
}
