import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { choicesFor } from "../../support/random.ts"
import type { CampaignFile } from "./files/file.ts"
import { judge } from "./judge.ts"
import { type Bounds, type Decoder, reasonIn, runProgram, videoFolder } from "./run.ts"
import { withSecondOpinion } from "./second-opinion.ts"
import { decodeFully, type Truth } from "./truth.ts"

/** When the other decoders may be asked: never, always, or in about every second run. */
export const fallbackRules = ["without", "with", "mixed"] as const
export type FallbackRule = (typeof fallbackRules)[number]

/** What is done with every file. */
export interface Settings {
  readonly decoders: ReadonlyArray<Decoder>
  readonly fallback: FallbackRule
  readonly bounds: Bounds
  /** Where files and output folders go. */
  readonly work: string
  /** Whether they stay if all is well. */
  readonly keeps: boolean
}

/**
 * - `finished`: exit code 0, and the folder validates.
 * - `refused`: exit code 1, with a reason.
 * - `invalid`: anything else, or more than the bounds allow.
 */
export type End = "finished" | "refused" | "invalid"

/** One run of the program on one file. */
export interface Trial {
  readonly id: string
  readonly kind: CampaignFile["kind"]
  readonly decoder: Decoder
  readonly flags: ReadonlyArray<string>
  readonly fallback: boolean
  readonly end: End
  readonly seconds: number
  readonly cpuSeconds: number
  readonly peakMb: number
  /** What no run may do. */
  readonly offences: ReadonlyArray<string>
  /** What of a finished folder is not as in a decode of the whole video. */
  readonly mismatches: ReadonlyArray<string>
  /** Whether a damaged file is decoded as by the in-process libav, and not as by the `ffmpeg` program. */
  readonly differsByVersion: boolean
  /** Why it was refused, if it was. */
  readonly reason: string | undefined
}

/** Frames in every pool: few, so that a run takes a second or two. */
const poolSize = "8"

/** Flags that a run has, always the same for one file and decoder. */
const flagsFor = (id: string, decoder: Decoder): ReadonlyArray<string> => {
  const { below } = choicesFor(`flags-${id}-${decoder}`)
  const cut = below(10)
  return [
    ...["--max-frames", poolSize],
    ...(cut < 2 ? ["--cut-mode", "reencode"] : []),
    ...(cut === 2 ? ["--cut-mode", "copy"] : []),
    ...(decoder === "ffmpeg" && below(2) === 0 ? ["--ffmpeg-bin", "ffmpeg"] : []),
    ...(below(8) === 0 ? ["--keep-audio"] : []),
    ...(below(4) === 0 ? ["--no-embed-index"] : []),
  ]
}

const mayFallBack = (rule: FallbackRule, id: string, decoder: Decoder): boolean =>
  rule === "with" || (rule === "mixed" && choicesFor(`fallback-${id}-${decoder}`).below(2) === 0)

/** What of a run's folder is wrong, and whether that depends on who is asked. */
const compare = async (
  { kind }: CampaignFile,
  path: string,
  folder: string,
  output: string,
  truths: ReadonlyArray<Truth>,
) => {
  const root = videoFolder(folder)
  if (root === undefined)
    return { mismatches: ["the run ended well, but left no folder of a video"], differsByVersion: false }
  const isDamaged = kind === "mutated"
  const mismatches = await judge(root, truths, output, isDamaged)
  if (mismatches.length === 0 || !isDamaged) return { mismatches, differsByVersion: false }
  const second: Array<Truth> = []
  for (const truth of truths) second.push(await withSecondOpinion(path, truth, folder))
  const remaining = await judge(root, second, output, isDamaged)
  return { mismatches: remaining, differsByVersion: remaining.length === 0 }
}

/** Makes a file and runs the program on it, with one decoder after the other. */
export const tryFile = async (file: CampaignFile, settings: Settings): Promise<ReadonlyArray<Trial>> => {
  const folder = join(settings.work, file.id)
  rmSync(folder, { recursive: true, force: true })
  const input = join(folder, "input")
  mkdirSync(input, { recursive: true })
  const path = join(input, file.name)
  await file.make(path)
  const { megabytes, seconds: usual } = settings.bounds
  const bounds: Bounds = { megabytes, seconds: usual * (file.timesAsLong ?? 1) }
  let truths: ReadonlyArray<Truth> | undefined
  const trials: Array<Trial> = []
  for (const decoder of settings.decoders) {
    const own = join(folder, decoder)
    await mkdir(own)
    const flags = flagsFor(file.id, decoder)
    const fallback = mayFallBack(settings.fallback, file.id, decoder)
    const result = await runProgram({ file: path, decoder, fallback, flags, folder: own }, bounds)
    writeFileSync(join(own, "output.txt"), result.output)
    if (result.code === 0) truths ??= await decodeFully(path, folder)
    const { offences, seconds, cpuSeconds, peakMb } = result
    const compared =
      result.code === 0
        ? await compare(file, path, own, result.output, truths ?? [])
        : { mismatches: [], differsByVersion: false }
    const end = offences.length > 0 ? "invalid" : result.code === 0 ? "finished" : "refused"
    const { id, kind } = file
    const reason = result.code === 1 ? reasonIn(result.output) : undefined
    const how = { id, kind, decoder, flags, fallback }
    trials.push({ ...how, end, seconds, cpuSeconds, peakMb, offences, ...compared, reason })
  }
  const isWell = trials.every(({ end, mismatches }) => end !== "invalid" && mismatches.length === 0)
  if (isWell && !settings.keeps) rmSync(folder, { recursive: true, force: true })
  return trials
}
