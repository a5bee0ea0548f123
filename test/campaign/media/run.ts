import { mkdirSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { peakRssMbOf, treeRssMb } from "../../../bench/memory.ts"
import { leftBehind } from "../../support/crashes.ts"
import { finished, main } from "../../support/run-cli.ts"
import { endSession, processesOf } from "./processes.ts"

export const decoders = ["native", "ffmpeg", "wasm"] as const
export type Decoder = (typeof decoders)[number]

/** How the program is run on a file. */
export interface RunPlan {
  readonly file: string
  readonly decoder: Decoder
  readonly fallback: boolean
  readonly flags: ReadonlyArray<string>
  /** Folder for the output root, the scratch folder and nothing else. */
  readonly folder: string
}

export interface Bounds {
  readonly seconds: number
  readonly megabytes: number
}

/** What came of a run, whatever it was asked to do. */
export interface RunResult {
  readonly code: number | null
  readonly output: string
  readonly seconds: number
  /** Time of the processor that the run and its children took: what it would take on an idle machine with one core. */
  readonly cpuSeconds: number
  /** Most memory in MB: of all processes of the run together as sampled, or of the largest one as the system counted it. */
  readonly peakMb: number
  /** What no run may do. */
  readonly offences: ReadonlyArray<string>
}

const outputRoot = (folder: string): string => join(folder, "output")

/** Folder of the video below the output root; `undefined` if there is none, or several. */
export const videoFolder = (folder: string): string | undefined => {
  const names = readdirSync(outputRoot(folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map(({ name }) => name)
  return names.length === 1 && names[0] !== undefined ? join(outputRoot(folder), names[0]) : undefined
}

const sampleEveryMs = 40
/** Beyond this the machine is in danger. */
const endAtMb = 6000

/** Runs the program as a user would, under bounds, in a session and a scratch folder of its own. */
export const runProgram = async (plan: RunPlan, bounds: Bounds): Promise<RunResult> => {
  const scratch = join(plan.folder, "scratch")
  for (const path of [scratch, outputRoot(plan.folder)]) mkdirSync(path, { recursive: true })
  const { PATH = "", HOME = "" } = process.env
  const started = performance.now()
  const child = Bun.spawn(
    [
      ...[process.execPath, main, "pipeline", "--input-video", plan.file],
      ...["--output-root", outputRoot(plan.folder), "--rehearsal", "--post-validate"],
      ...["--decoder", plan.decoder, ...(plan.fallback ? [] : ["--no-decoder-fallback"])],
      ...plan.flags,
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "pipe", detached: true, env: { PATH, HOME, TMPDIR: scratch } },
  )
  let peakMb = 0
  let ended: "too long" | "too large" | undefined
  const end = (why: "too long" | "too large") => {
    ended ??= why
    endSession(child.pid)
  }
  const sampling = setInterval(() => {
    peakMb = Math.max(peakMb, treeRssMb(child.pid), peakRssMbOf(child.pid))
    if (peakMb > endAtMb) end("too large")
  }, sampleEveryMs)
  const deadline = setTimeout(() => end("too long"), bounds.seconds * 1000)
  const { stdout, stderr } = await finished(child)
  clearInterval(sampling)
  clearTimeout(deadline)
  const seconds = (performance.now() - started) / 1000
  const left = processesOf(child.pid)
  endSession(child.pid)
  const cpuSeconds = Number(child.resourceUsage()?.cpuTime.total ?? 0n) / 1e6
  const output = `${stdout}${stderr}`
  const offences = [
    ...(ended === "too long" ? [`not done within ${bounds.seconds} s`] : []),
    ...(peakMb > bounds.megabytes ? [`held ${Math.round(peakMb)} MB`] : []),
    ...(child.signalCode !== null && ended === undefined ? [`ended by ${child.signalCode}`] : []),
    ...(child.exitCode === null || child.exitCode === 0 || child.exitCode === 1
      ? []
      : [`exit code ${child.exitCode}`]),
    ...(child.exitCode === 1 && reasonIn(stderr) === undefined ? ["failed without a reason"] : []),
    ...(hasTrace(output) ? ["a stack trace"] : []),
    ...(left.length > 0 ? [`${left.length} processes left running`] : []),
    ...leftBehind(outputRoot(plan.folder), scratch).map((name) => `left behind: ${name}`),
  ]
  return { code: child.exitCode, output, seconds, cpuSeconds, peakMb, offences }
}

/** Why a video was refused, in the program's words. */
export const reasonIn = (output: string): string | undefined => /^error: \S.*$/mu.exec(output)?.[0]

/** Whether an output has what belongs to a bug, not to a message. */
const hasTrace = (output: string): boolean =>
  /^\s+at .+(?::\d+|\))/mu.test(output) ||
  /\bDefect\b|[Uu]nhandled|\bpanic\b|Segmentation fault/u.test(output)
