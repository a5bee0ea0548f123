import { afterAll, beforeAll, expect, test } from "bun:test"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Clock, Effect } from "effect"
import { validateFolder } from "../../src/dataset/validate.ts"
import { sha256 } from "../../src/plan/fingerprint.ts"
import { type ChatServer, startChatServer } from "../support/chat-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { filesBelow, finished, main, runCli } from "../support/run-cli.ts"
import { quickSettings, runPipeline } from "../support/run-pipeline.ts"

const ids = ["a", "b"]

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let input: string

beforeAll(async () => {
  folder = await temporaryFolder()
  // For a process without the rights of root.
  for (const path of [folder.path, dirname(folder.path)]) chmodSync(path, 0o711)
  input = join(folder.path, "videos")
  mkdirSync(input)
  for (const [i, id] of ids.entries()) {
    await makeVideo({ dir: input, name: `${id}.mp4`, frames: 60, firstNumber: 100 * i })
  }
})
afterAll(() => folder[Symbol.asyncDispose]())

const argsFor = (root: string, { url }: Pick<ChatServer, "url">, ...more: ReadonlyArray<string>) => [
  "pipeline",
  ...["--input-video-dir", input, "--output-root", root, "--continue-on-error"],
  ...["--max-frames", "8", "--video-concurrency", "1", "--model", "loopback-vlm", "--api-base", url],
  ...more,
]

/** How many requests were made more than once. */
const repeated = ({ calls }: ChatServer): number =>
  calls.length - new Set(calls.map(({ raw }) => sha256(raw))).size

const leftovers = (root: string): ReadonlyArray<string> =>
  filesBelow(root).filter((file) => /(?:^|\/)\.(?:tmp-|locks)/u.test(file))

const isValid = async (root: string) => {
  for (const id of ids) expect(await Effect.runPromise(validateFolder(join(root, id)))).toEqual([])
  expect(readdirSync(join(root, ".batch/failed"))).toEqual([])
  return true
}

const runShell = (script: string, args: ReadonlyArray<string>) =>
  finished(
    Bun.spawn(["sh", "-c", `${script}; exec "$@"`, "sh", ...args], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "" },
    }),
  )

test("files that may not grow: each video says so, nothing half-written stays, and nothing is paid for twice", async () => {
  await using root = await temporaryFolder()
  await using server = startChatServer()
  const args = argsFor(root.path, server, "--no-embed-index")
  // In units of 512 bytes: the first limit is met by a prompt, the others by an answer and by the final plan.
  for (const [limit, file] of [
    [8, "stage1/stage1_user_prompt.txt"],
    [16, "stage1/draft_plan.json"],
    [24, "run_summary.json"],
  ] as const) {
    const limited = `trap '' XFSZ; ulimit -f ${limit}`
    const { code, stderr } = await runShell(limited, [process.execPath, main, ...args])
    expect(code).toBe(1)
    for (const id of ids)
      expect(stderr).toContain(`cannot write ${join(root.path, id, file)}: files may not grow`)
    expect(leftovers(root.path)).toEqual([])
  }
  const { code, stdout } = await runCli(args)
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining("2 done, 0 failed") })
  expect(server.calls).toHaveLength(14)
  expect(await isValid(root.path)).toBe(true)
})

/** A file system of so many KiB; false where none may be mounted. */
const mountSmall = (path: string, kib: number, how = ""): boolean =>
  Bun.spawnSync(["mount", "-t", "tmpfs", "-o", `${how}size=${kib}k`, "none", path]).exitCode === 0

const unmount = (path: string) => Bun.spawnSync(["umount", path])

const canMount = ((): boolean => {
  if (Bun.which("mount") === null || Bun.which("umount") === null) return false
  const path = mkdtempSync(join(tmpdir(), "triptych-mount-"))
  const mounted = mountSmall(path, 64)
  if (mounted) unmount(path)
  rmdirSync(path)
  return mounted
})()

test.skipIf(!canMount)("a disk that fills up: nothing is asked for that could not be kept", async () => {
  await using place = await temporaryFolder()
  const root = join(place.path, "small")
  mkdirSync(root)
  expect(mountSmall(root, 8192 + 500)).toBe(true)
  try {
    await using server = startChatServer()
    const args = argsFor(root, server)
    const nearlyFull = await runCli(args)
    expect(nearlyFull.code).toBe(1)
    expect(nearlyFull.stderr).toContain("error: b: less than 8 MiB are free on the disk of")
    expect(() => writeFileSync(join(root, "filler"), new Uint8Array(8192 << 10))).toThrow("ENOSPC")
    const full = await runCli(args)
    expect(full.code).toBe(1)
    expect(full.stderr).toContain("the disk is full; make room and run the same command again")
    expect(leftovers(root)).toEqual([])
    expect(mountSmall(root, 65_536, "remount,")).toBe(true)
    expect((await runCli(args)).code).toBe(0)
    expect(repeated(server)).toBe(0)
    expect(await isValid(root)).toBe(true)
  } finally {
    unmount(root)
  }
})

test("permission denied for one video: the other one is finished", async () => {
  await using root = await temporaryFolder()
  await using server = startChatServer()
  const closed = join(root.path, "a")
  mkdirSync(closed)
  for (const path of [input, root.path]) chmodSync(path, 0o777)
  chmodSync(closed, 0o555)
  const args = argsFor(root.path, server)
  const asNobody = [process.execPath, join(import.meta.dir, "../support/as-nobody.ts"), ...args]
  const first = await runShell("umask 0", asNobody)
  expect(first.stderr).toContain(
    `cannot write ${closed}/run_summary.json: permission denied; change the permissions, or choose another --output-root`,
  )
  expect(first).toMatchObject({ code: 1, stdout: expect.stringContaining("1 done, 1 failed") })
  expect(server.calls).toHaveLength(7)
  chmodSync(closed, 0o777)
  expect((await runShell("umask 0", asNobody)).code).toBe(0)
  expect(server.calls).toHaveLength(14)
  expect(await isValid(root.path)).toBe(true)
})

test("an input that is taken away while it is worked on: the other video is finished, and its answers are kept", async () => {
  await using root = await temporaryFolder()
  const video = join(input, "a.mp4")
  await using server = startChatServer({
    behave: ({ stage }, good) => {
      if (stage === 2 && existsSync(video)) renameSync(video, `${video}.away`)
      return good
    },
  })
  const first = await runCli(argsFor(root.path, server))
  expect(first.stderr).toContain(
    `error: a: ${video} does not exist; put it there and run the same command again`,
  )
  expect(first).toMatchObject({ code: 1, stdout: expect.stringContaining("1 done, 1 failed") })
  const summary = await Bun.file(join(root.path, "a/run_summary.json")).json()
  expect(summary.stage2).toMatchObject({ status: "failed", error_reason: "NotReadable" })
  await using again = startChatServer()
  renameSync(`${video}.away`, video)
  expect((await runCli(argsFor(root.path, again))).code).toBe(0)
  expect(again.calls.map(({ stage }) => stage)).toEqual([3, 3, 3, 3, 3])
  expect(await isValid(root.path)).toBe(true)
})

test.each(["moved away", "removed"])(
  "an output root that is %s in mid-run: the video says so, and nothing is made in its place",
  async (how) => {
    await using place = await temporaryFolder()
    const root = join(place.path, "out")
    await using server = startChatServer({
      behave: ({ number }, good) => {
        if (number === 2) renameSync(root, `${root}-moved`)
        if (number === 2 && how === "removed") rmSync(`${root}-moved`, { recursive: true })
        return good
      },
    })
    const video = join(input, "a.mp4")
    const { error } = await runPipeline(video, quickSettings(root), server)
    expect(error).toMatchObject({ _tag: "DatasetError", reason: "LockLost" })
    expect(error?.message).toContain("was moved or removed while it was worked on")
    expect(server.calls).toHaveLength(2)
    expect(existsSync(root) ? filesBelow(root) : []).toEqual([])
  },
)

test("a video's folder that is removed and made anew, perhaps with the number of the one that is gone, is noticed", async () => {
  await using place = await temporaryFolder()
  const folder = join(place.path, "out/a")
  await using server = startChatServer({
    behave: ({ number }, good) => {
      if (number !== 2) return good
      const { ino } = statSync(folder)
      rmSync(folder, { recursive: true })
      // One of the next folders made gets the number, where a file system gives it out again at all.
      const made = Array.from({ length: 50 }, (_, index) => join(place.path, `other-${index}`))
      for (const path of made) mkdirSync(path)
      renameSync(made.find((path) => statSync(path).ino === ino) ?? join(place.path, "other-0"), folder)
      return good
    },
  })
  const { error } = await runPipeline(join(input, "a.mp4"), quickSettings(join(place.path, "out")), server)
  expect(error).toMatchObject({ _tag: "DatasetError", reason: "LockLost" })
  expect(filesBelow(folder)).toEqual([])
})

test("a service that goes away: each video says so, and the next run asks only for what is missing", async () => {
  await using root = await temporaryFolder()
  const server = startChatServer({
    behave: async ({ number }, good) => {
      if (number === 5) await server[Symbol.asyncDispose]()
      return good
    },
  })
  const args = argsFor(root.path, server, "--step-concurrency", "1", "--api-call-retries", "0")
  const first = await runCli(args)
  for (const id of ids) expect(first.stderr).toContain(`error: ${id}: Stage`)
  expect(first.stderr).toContain("check --api-base and the network")
  expect(first.code).toBe(1)
  await using again = startChatServer()
  expect((await runCli(argsFor(root.path, again))).code).toBe(0)
  expect(again.calls).toHaveLength(14 - 4)
  expect(await isValid(root.path)).toBe(true)
})

test("a clock that is set back: waits end in time, and no span of time is negative", async () => {
  await using root = await temporaryFolder()
  let shiftMs = 0
  const wall = Effect.sync(() => Date.now() + shiftMs)
  const clock: Clock.Clock = Object.create(Clock.make(), { currentTimeMillis: { value: wall } })
  const busy = () => {
    shiftMs = -3_600_000
    return Response.json({}, { status: 429, headers: { "retry-after": "1" } })
  }
  await using server = startChatServer({
    behave: ({ number, stage }, good) => (number === 2 || (stage === 3 && number === 5) ? busy() : good),
  })
  const settings = quickSettings(root.path)
  const video = join(input, "a.mp4")
  const { error } = await runPipeline(video, settings, server, { clock, callRetries: 2 })
  expect(error).toBeUndefined()
  const text = await Bun.file(join(root.path, "a/run_summary.json")).text()
  expect(text).not.toMatch(/"(?:wall_time_sec|latency_ms|wait_ms)": -/u)
  expect(await Effect.runPromise(validateFolder(join(root.path, "a")))).toEqual([])
  const before = server.calls.length
  expect((await runPipeline(video, settings, server)).error).toBeUndefined()
  expect(server.calls).toHaveLength(before)
})
