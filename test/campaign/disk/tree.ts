import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { sha256 } from "../../../src/plan/fingerprint.ts"
import { makeVideo } from "../../support/media.ts"
import { choicesFor, shuffled } from "../../support/random.ts"
import { runCli } from "../../support/run-cli.ts"
import { type Hostility, hostilities } from "./hostile.ts"

/** A folder of the tree and what was done to it. */
export interface Case {
  /** The video's id. */
  readonly id: string
  readonly hostility: Hostility
  /** What runs must name, relative to the video's folder. */
  readonly path: string
}

/** An output root full of hostile folders, with their videos and with what lies outside. */
export interface Tree {
  readonly input: string
  readonly root: string
  readonly outside: string
  readonly cases: ReadonlyArray<Case>
  /** Kinds that this machine or user cannot make. */
  readonly left: ReadonlyArray<string>
}

/** How runs of the tree are called: small pools, no model. */
export const flagsFor = ({ input, root }: Pick<Tree, "input" | "root">): ReadonlyArray<string> => [
  ...["--input-video-dir", input, "--output-root", root],
  ...["--rehearsal", "--max-frames", "8", "--continue-on-error", "--video-concurrency", "4"],
]

/**
 * Makes so many folders, finished by a rehearsal, and does something hostile to each.
 *
 * @param seed chooses among the kinds; all of them are there once before one is there twice
 */
export const makeTree = async (folder: string, count: number, seed: number): Promise<Tree> => {
  const [input, root, outside] = ["videos", "out", "outside"].map((name) => join(folder, name))
  if (input === undefined || root === undefined || outside === undefined) throw new Error("no folders")
  for (const path of [input, outside]) mkdirSync(path)
  for (const name of ["secret.jpg", "secret.mp4", "step_final.json", "draft_plan.json"])
    writeFileSync(join(outside, name), `nobody's business: ${name}`)
  const order = shuffled(hostilities, seed)
  const chosen = Array.from({ length: count }, (_, i) => order[i % order.length]).filter(
    (hostility) => hostility !== undefined,
  )
  const ids = chosen.map((_, i) => `video-${String(i + 1).padStart(2, "0")}`)
  const original = await makeVideo({ dir: folder, name: "original.mp4", frames: 36 })
  for (const id of ids) linkSync(original, join(input, `${id}.mp4`))
  const made = await runCli(["pipeline", ...flagsFor({ input, root })])
  if (made.code !== 0) throw new Error(`the tree cannot be made: ${made.stderr}`)
  const cases: Array<Case> = []
  const left: Array<string> = []
  for (const [i, hostility] of chosen.entries()) {
    const id = ids[i] ?? ""
    const scene = { out: join(root, id), outside, choices: choicesFor(`${seed}-${i}`) }
    const path = hostility.make(scene)
    if (path === false) left.push(hostility.id)
    else cases.push({ id, hostility, path })
  }
  return { input, root, outside, cases, left }
}

/** What everything below a folder is: kind, inode, time of change and content, by path. */
export const stateOf = (folder: string): Readonly<Record<string, string>> => {
  const state: Record<string, string> = {}
  const look = (path: string, name: string): void => {
    const found = lstatSync(path)
    const about = `${found.mode} ${found.ino} ${found.mtimeMs}`
    if (found.isSymbolicLink()) state[name] = `${about} -> ${readlinkSync(path)}`
    else if (found.isFile())
      state[name] = `${about} ${found.size > 1 << 30 ? found.size : sha256(readFileSync(path))}`
    else state[name] = found.isDirectory() ? `${found.mode} ${found.ino}` : about
    if (found.isDirectory())
      for (const inner of readdirSync(path).toSorted()) look(join(path, inner), `${name}/${inner}`)
  }
  look(folder, "")
  return state
}
