import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { cpSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { type ChatServer, startChatServer } from "../support/chat-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { runCli, stampsBelow } from "../support/run-cli.ts"

setDefaultTimeout(60_000)

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let server: ChatServer
let videos: string

beforeAll(async () => {
  folder = await temporaryFolder()
  server = startChatServer()
  videos = join(folder.path, "videos")
  mkdirSync(videos)
  const video = await makeVideo({ dir: videos, name: "cup.mp4", frames: 24 })
  cpSync(video, join(videos, "jug.mp4"))
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

/** What stands in the place of a file or folder of the output root; `outside` is somebody else's folder. */
type InTheWay = (path: string, outside: string) => void
const folderLink: InTheWay = (path, outside) => symlinkSync(outside, path)
const fileLink: InTheWay = (path, outside) => symlinkSync(join(outside, "notes.txt"), path)
const newLink: InTheWay = (path, outside) => symlinkSync(join(outside, "new"), path)
const pipe: InTheWay = (path) => void Bun.spawnSync(["mkfifo", path])
const aFile: InTheWay = (path) => writeFileSync(path, "mine\n")
const aFolder: InTheWay = (path) => void [mkdirSync(path), writeFileSync(join(path, "mine.txt"), "mine\n")]

/** Where, what, and what is said of it by a run and by `status`. */
type Case = readonly [name: string, what: string, make: InTheWay, run: string, status?: string]

const link = "is a link, and links are not followed here"
const inTheWay = "a file is in the way of a folder"
const refused: ReadonlyArray<Case> = [
  [".locks", "a link to a folder", folderLink, link, link],
  [".locks", "a link to nothing", newLink, link, link],
  [".locks", "a pipe", pipe, inTheWay, inTheWay],
  [".locks/cup", "a link to a folder", folderLink, link, "a link, a pipe or a device is where"],
  [".locks/cup", "a pipe", pipe, inTheWay, "the output cannot be written"],
  [".batch", "a link to a folder", folderLink, link, link],
  [".batch", "a file", aFile, inTheWay, inTheWay],
  [".batch/videos.jsonl", "a link to a file", fileLink, link, link],
  [".batch/videos.jsonl", "a pipe", pipe, "is a pipe, not a file", "is a pipe, not a file"],
]
const passedOver: ReadonlyArray<Case> = [
  ["events.jsonl", "a link to a file", fileLink, link],
  ["events.jsonl", "a link to nothing", newLink, link],
  ["events.jsonl", "a pipe", pipe, "is a pipe, not a file"],
  ["events.jsonl", "a folder", aFolder, "is a folder, not a file"],
  ["run_report.md", "a link to a file", fileLink, link],
  ["run_report.json", "a pipe", pipe, "is a pipe, not a file"],
]

/** Runs everything that looks at an output root over one with something in the way. */
const tryWith = async (name: string, make: InTheWay) => {
  await using place = await temporaryFolder()
  const [root, outside] = [join(place.path, "out"), join(place.path, "outside")]
  for (const path of [dirname(join(root, name)), outside]) mkdirSync(path, { recursive: true })
  writeFileSync(join(outside, "notes.txt"), "of somebody else\n")
  make(join(root, name), outside)
  const before = [stampsBelow(outside), kindOf(join(root, name))]
  const work = ["--stages", "1", "--max-frames", "4", "--continue-on-error"]
  const service = ["--api-base", server.url, "--model", "m"]
  const input = ["--input-video-dir", videos, "--output-root", root]
  const run = await runCli(["pipeline", ...input, ...work, ...service])
  const status = await runCli(["status", "--output-root", root])
  expect([stampsBelow(outside), kindOf(join(root, name))]).toEqual(before)
  for (const { stderr, stdout } of [run, status]) {
    expect(stderr + stdout).not.toContain("notes")
    expect(stderr).not.toMatch(/^ +at /mu)
  }
  return { run, status }
}

const kindOf = (path: string): string => {
  const { ino, mode } = lstatSync(path)
  return `${ino} ${mode}`
}

test.each(refused)(
  "%s that is %s is refused, and nothing is asked",
  async (name, _what, make, says, saysStatus) => {
    const asked = server.calls.length
    const { run, status } = await tryWith(name, make)
    expect(run.code).toBe(1)
    expect(run.stderr).toContain(says)
    if (name !== ".locks/cup") expect(server.calls).toHaveLength(asked)
    expect(status.code).toBe(1)
    expect(status.stderr + status.stdout).toContain(saysStatus ?? "")
  },
)

test.each(passedOver)(
  "%s that is %s is left alone and named, and the run goes on",
  async (name, _what, make, says) => {
    const { run, status } = await tryWith(name, make)
    expect(run.code).toBe(0)
    expect(run.stderr).toContain(name)
    expect(run.stderr).toContain(says)
    expect(status.stdout).toContain("unfinished        2")
  },
)
