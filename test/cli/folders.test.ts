import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { cpSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { filesBelow, runCli } from "../support/run-cli.ts"

// Clips are decoded, one process after the other.
setDefaultTimeout(240_000)

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let video: string
let root: string
let one: string

beforeAll(async () => {
  folder = await temporaryFolder()
  video = await makeVideo({ dir: folder.path, name: "cup.mp4", frames: 48 })
  root = join(folder.path, "data set")
  one = join(root, "cup")
  const args = ["--input-video", video, "--output-root", root, "--max-frames", "8", "--rehearsal"]
  expect((await runCli(["pipeline", ...args])).code).toBe(0)
  cpSync(one, join(root, "copy"), { recursive: true })
})
afterAll(() => folder[Symbol.asyncDispose]())

test("validate takes the folder of a video, an output root, or several, without a flag", async () => {
  const looked = async (...args: ReadonlyArray<string>) => {
    const { stdout } = await runCli(["validate", ...args])
    return stdout.split("\n").flatMap((line) => /^(?:in)?valid +(\/.*)$/u.exec(line)?.[1] ?? [])
  }
  const copy = join(root, "copy")
  expect(await looked(one, copy, one)).toEqual([one, copy])
  expect(await looked(root)).toEqual([copy, one])
  expect((await runCli(["validate", one])).code).toBe(0)
})

const inRoot = () => `give the output root above it: --output-root '${root}'`
const run = () => ["pipeline", "--input-video", video, "--rehearsal", "--output-root"]

const wrong: ReadonlyArray<readonly [name: string, given: () => readonly [ReadonlyArray<string>, string]]> = [
  [
    "validate --output-root VIDEO",
    () => [["validate", "--output-root", one], `is the folder of one video; ${inRoot()}`],
  ],
  [
    "validate --output-root STAGE",
    () => [
      ["validate", "--output-root", join(one, "stage1")],
      `is a part of the folder of one video; ${inRoot()}`,
    ],
  ],
  [
    "validate --video-output-dir ROOT",
    () => [
      ["validate", "--video-output-dir", root],
      `is an output root and not the folder of one video; give --output-root '${root}'`,
    ],
  ],
  [
    "validate STAGE",
    () => [["validate", join(one, "stage2")], `is a part of the folder of one video; give '${one}'`],
  ],
  [
    "validate FILE",
    () => [["validate", video], "is not a folder; validate takes folders that a run has made"],
  ],
  ["validate NOTHING", () => [["validate", join(root, "none")], "is not a folder: it does not exist"]],
  ["validate twice", () => [["validate", root, "--output-root", root], "and only one of them"]],
  [
    "status --output-root VIDEO",
    () => [["status", "--output-root", one], `is the folder of one video; ${inRoot()}`],
  ],
  [
    "status --output-root FILE",
    () => [["status", "--output-root", video], "is a file; --output-root names a folder"],
  ],
  ["pipeline --output-root VIDEO", () => [[...run(), one], `is the folder of one video; ${inRoot()}`]],
  [
    "pipeline --output-root STAGE",
    () => [[...run(), join(one, "stage1")], `is a part of the folder of one video; ${inRoot()}`],
  ],
  [
    "demo --output-root VIDEO",
    () => [["demo", "--output-root", one], `is the folder of one video; ${inRoot()}`],
  ],
]

test.each(wrong)("%s is said to be that, with what to type", async (_name, given) => {
  const [args, says] = given()
  const before = filesBelow(folder.path)
  const { code, stderr } = await runCli(args)
  expect(stderr).toContain(says)
  expect(code).toBe(2)
  expect(filesBelow(folder.path)).toEqual(before)
})

test("an empty folder is no root, and is checked as what it is given as", async () => {
  await using empty = await temporaryFolder()
  expect((await runCli(["validate", empty.path])).code).toBe(1)
  expect((await runCli(["validate", "--output-root", empty.path])).code).toBe(2)
  writeFileSync(join(empty.path, "notes.txt"), "")
  expect((await runCli(["status", "--output-root", empty.path])).code).toBe(0)
})
