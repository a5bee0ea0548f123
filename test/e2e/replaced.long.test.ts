import { afterAll, beforeAll, expect, test } from "bun:test"
import {
  copyFileSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { Effect, Either } from "effect"
import { validateFolder } from "../../src/dataset/validate.ts"
import { sha256 } from "../../src/plan/fingerprint.ts"
import { stampOf, watchSource } from "../../src/stages/source.ts"
import { startChatServer } from "../support/chat-server.ts"
import { runFolder, temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { filesBelow } from "../support/run-cli.ts"
import { quickSettings, runPipeline } from "../support/run-pipeline.ts"

let folder: Awaited<ReturnType<typeof temporaryFolder>>
/** Two videos of one size, and what a run makes of the first. */
let first: string
let second: string
let expected: Readonly<Record<string, string>>

/** Fills a file up with an empty box, which readers of MP4 pass over. */
const padTo = (file: string, size: number): void => {
  const bytes = readFileSync(file)
  const box = Buffer.alloc(size - bytes.length)
  box.writeUInt32BE(box.length, 0)
  box.write("free", 4)
  writeFileSync(file, Buffer.concat([bytes, box]))
}

/** Digests of everything below a folder that is made from the pictures of the video. */
const mediaBelow = (out: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    filesBelow(out)
      .filter((file) => /\.(?:jpg|mp4)$/u.test(file))
      .map((file) => [file, sha256(readFileSync(join(out, file)))]),
  )

beforeAll(async () => {
  folder = await temporaryFolder()
  first = await makeVideo({ dir: folder.path, name: "first.mp4", frames: 60 })
  second = await makeVideo({ dir: folder.path, name: "second.mp4", frames: 60, firstNumber: 300 })
  const size = Math.max(...[first, second].map((file) => statSync(file).size)) + 100
  for (const file of [first, second]) padTo(file, size)
  const video = join(folder.path, "video.mp4")
  copyFileSync(first, video)
  await using server = startChatServer()
  expect((await runPipeline(video, quickSettings(join(folder.path, "out")), server)).error).toBeUndefined()
  expected = mediaBelow(join(folder.path, "out/video"))
})
afterAll(() => folder[Symbol.asyncDispose]())

type Change = (video: string) => void

const overwriteKeepingTimes: Change = (video) => {
  const { atime, mtime } = statSync(video)
  writeFileSync(video, readFileSync(second))
  utimesSync(video, atime, mtime)
}

const replaceKeepingTimes: Change = (video) => {
  const { atime, mtime } = statSync(video)
  copyFileSync(second, `${video}.new`)
  utimesSync(`${video}.new`, atime, mtime)
  renameSync(`${video}.new`, video)
}

const changes: ReadonlyArray<readonly [string, Change]> = [
  [
    "replaced by another of its size",
    (video) => void [copyFileSync(second, `${video}.new`), renameSync(`${video}.new`, video)],
  ],
  ["replaced by another of its size and time", replaceKeepingTimes],
  ["written over in its place", (video) => writeFileSync(video, readFileSync(second))],
  ["written over in its place, its time set back", overwriteKeepingTimes],
  ["cut off", (video) => truncateSync(video, 1000)],
  ["a link to another by now", (video) => void [rmSync(video), symlinkSync(second, video)]],
]

test.each(
  changes.flatMap(([what, change], i) => {
    const stage = ([1, 2, 3] as const)[i % 3] ?? 1
    return [[what, stage, change] as const]
  }),
)(
  "an input that is %s in Stage %i: the video fails, and nothing of the other is written",
  async (_what, stage, change) => {
    await using place = await temporaryFolder()
    const video = join(place.path, "video.mp4")
    copyFileSync(first, video)
    let isChanged = false
    await using server = startChatServer({
      behave: (call, good) => {
        if (call.stage === stage && !isChanged) {
          isChanged = true
          change(video)
        }
        return good
      },
    })
    const settings = quickSettings(join(place.path, "out"))
    const { error } = await runPipeline(video, settings, server)
    expect(error).toMatchObject({ _tag: "VideoError", reason: "SourceReplaced" })
    const out = join(place.path, "out/video")
    for (const [file, digest] of Object.entries(mediaBelow(out)))
      expect([file, digest]).toEqual([file, expected[file] ?? ""])
    // With the video back in its place the next run goes on, and pays for nothing again.
    rmSync(video)
    copyFileSync(first, video)
    expect((await runPipeline(video, settings, server)).error).toBeUndefined()
    expect(server.calls).toHaveLength(7)
    expect(mediaBelow(out)).toEqual(expected)
    expect(await Effect.runPromise(validateFolder(out))).toEqual([])
  },
)

const harmless: ReadonlyArray<readonly [string, Change]> = [
  [
    "renamed and renamed back",
    (video) => void [renameSync(video, `${video}.away`), renameSync(`${video}.away`, video)],
  ],
  [
    "replaced by a copy of itself",
    (video) => void [copyFileSync(first, `${video}.new`), renameSync(`${video}.new`, video)],
  ],
]

test.each(harmless)("an input that is %s is the same", async (_what, change) => {
  await using place = await temporaryFolder()
  const video = join(place.path, "video.mp4")
  copyFileSync(first, video)
  await using server = startChatServer({
    behave: (call, good) => {
      if (call.number === 2) change(video)
      return good
    },
  })
  const { error } = await runPipeline(video, quickSettings(join(place.path, "out")), server)
  expect(error).toBeUndefined()
  expect(mediaBelow(join(place.path, "out/video"))).toEqual(expected)
})

test("a change in the middle of a long file, and one before the first look, are seen", async () => {
  const file = join(runFolder(), "long.bin")
  const bytes = Buffer.alloc(16 << 20, 7)
  writeFileSync(file, bytes)
  const { confirm } = await Effect.runPromise(watchSource(file, undefined))
  // In none of the three places that the fingerprint looks at.
  bytes.fill(8, 4 << 20, 5 << 20)
  writeFileSync(`${file}.new`, bytes)
  renameSync(`${file}.new`, file)
  expect(await Effect.runPromise(Effect.flip(confirm))).toMatchObject({ reason: "SourceReplaced" })
  const before = await Effect.runPromise(stampOf(file))
  writeFileSync(file, bytes.fill(9))
  const late = await Effect.runPromise(Effect.either(watchSource(file, before)))
  expect(Either.isLeft(late) && late.left).toMatchObject({ reason: "SourceReplaced" })
})
