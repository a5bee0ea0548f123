import { expect, test } from "bun:test"
import { symlinkSync, truncateSync, writeFileSync } from "node:fs"
import { join, relative, resolve } from "node:path"
import { Effect, Either } from "effect"
import { discoverVideos, type FolderSelection, listedVideos } from "../../src/batch/discover.ts"
import { select, shardOf } from "../../src/batch/select.ts"
import { folderWith } from "../support/folders.ts"

/** What is found, relative to the folder, or the sentence that says why nothing is. */
const found = async (root: string, selection: FolderSelection = {}) => {
  const result = await Effect.runPromise(Effect.either(discoverVideos(root, selection)))
  return Either.isRight(result) ? result.right.files.map((file) => relative(root, file)) : result.left.message
}

test("a folder gives its videos in order of name; subfolders, hidden and other files are left out", async () => {
  const root = folderWith("b.mp4", "a.MKV", "比赛 2.webm", ".c.mp4", "notes.txt", "sub/d.mp4", "e.mp4/f.avi")
  expect(await found(root)).toEqual(["a.MKV", "b.mp4", "比赛 2.webm"])
})

test("recursive looks everywhere but into hidden folders, finished ones, excepted ones and linked ones", async () => {
  const root = folderWith(
    "b.mp4",
    "x/y/a.mp4",
    ".hidden/c.mp4",
    "dataset/d.mp4",
    "old/v/run_summary.json",
    "old/v/stage2/step_clips/step01.mp4",
  )
  symlinkSync(root, join(root, "again"))
  symlinkSync(join(root, "b.mp4"), join(root, "linked.mp4"))
  const selection = { recursive: true, except: [join(root, "dataset")] }
  expect(await found(root, selection)).toEqual(["b.mp4", "linked.mp4", "x/y/a.mp4"])
})

test("a glob is compared with the path below the folder, and with names if it has no slash and goes deep", async () => {
  const root = folderWith("kitchen/a.mp4", "kitchen/b.m4v", "kitchen/deep/c.mp4", "lab/d.mp4", "e.mp4")
  expect(await found(root, { glob: "kitchen/**/*.mp4" })).toEqual(["kitchen/a.mp4", "kitchen/deep/c.mp4"])
  expect(await found(root, { glob: "*.{mp4,m4v}" })).toEqual(["e.mp4"])
  expect(await found(root, { glob: "*.{mp4,m4v}", recursive: true })).toHaveLength(5)
  const inLab = folderWith("lab/a.mp4", "x/lab/b.mp4")
  for (const recursive of [false, true])
    expect(await found(inLab, { glob: "lab/*.mp4", recursive })).toEqual(["lab/a.mp4"])
  expect(await found(root, { glob: "*.avi" })).toContain("nothing matches *.avi")
})

test("where nothing is found, the endings that count are told, and how to look deeper if that was not done", async () => {
  const root = folderWith("notes.txt")
  const expected = `no video in ${root}; expected are files ending in .mp4 .avi .mov .mkv .webm`
  expect(await found(root)).toBe(`${expected}; --recursive looks into subfolders too`)
  expect(await found(root, { recursive: true })).toBe(expected)
})

test("files of one stem are refused, wherever they are, all of them named", async () => {
  const root = folderWith("x/cup.mp4", "y/cup.mkv", "x/jug.mp4", "z/jug.mp4", "fine.mp4")
  const message = await found(root, { recursive: true })
  expect(message).toContain("x/cup.mp4 and y/cup.mkv, x/jug.mp4 and z/jug.mp4 in ")
  expect(message).toContain("would share one output folder")
})

test.each([
  ["case", "x/Cam.mp4", "y/cam.mp4"],
  ["case outside of ASCII", "x/\u00C9tape.mp4", "y/\u00E9tape.mov"],
  ["the form of an accent", "x/caf\u00E9.mp4", "y/cafe\u0301.mp4"],
  ["case and the form of an accent", "x/CAF\u00C9.mp4", "y/cafe\u0301.mp4"],
  ["case and ending", "x/clip.MP4", "y/CLIP.avi"],
])("names that differ in %s only are refused on every system", async (_what, one, other) => {
  const root = folderWith(one, other, "fine.mp4")
  const message = await found(root, { recursive: true })
  expect(message).toContain(`${one} and ${other} in `)
  expect(message).toContain("one output folder on file systems that ignore case or accents' form")
  expect(message).toContain("name folders after paths with --id path, or rename all but one")
  expect(await found(root, { recursive: true, idBase: root })).toHaveLength(3)
  const list = join(root, "list.txt")
  writeFileSync(list, `${join(root, one)}\n${join(root, other)}\n`)
  expect((await Effect.runPromise(Effect.flip(listedVideos(list)))).message).toContain("would share")
})

test("with --id path, paths that differ in case only are refused on every system", async () => {
  const root = folderWith("x/cam.mp4", "X/cam.mp4")
  if ((await found(root, { recursive: true })).length === 1) return
  expect(await found(root, { recursive: true, idBase: root })).toContain("; rename all but one")
})

test("a list gives its videos in its order, each once; comments, empty and blank lines do not count", async () => {
  const root = folderWith()
  const list = join(root, "list.txt")
  writeFileSync(
    list,
    `\uFEFF${root}/b c.mp4\r\n\r\n \t\r\n# not this\r\n${root}/a.mp4\n${root}/sub/../a.mp4\n`,
  )
  expect(await Effect.runPromise(listedVideos(list))).toEqual({
    files: [join(root, "b c.mp4"), join(root, "a.mp4")],
    refused: [],
  })
  writeFileSync(list, `${root}/x/a.mp4\n${root}/y/a.mkv\n`)
  const refused = await Effect.runPromise(Effect.flip(listedVideos(list)))
  expect(refused.message).toContain("would share one output folder")
  writeFileSync(list, "# nothing\n")
  expect((await Effect.runPromise(Effect.flip(listedVideos(list)))).message).toContain("no video is named")
})

test("of a list the mark at its beginning is no part of a name, and elsewhere it is one", async () => {
  const root = folderWith("\uFEFFa.mp4", "b.mp4")
  expect(await found(root)).toEqual(["b.mp4", "\uFEFFa.mp4"])
  const list = join(root, "list.txt")
  writeFileSync(list, "\uFEFF/v/b.mp4\n/v/c/\uFEFFa.mp4\n\uFEFFd.mp4\n")
  expect((await Effect.runPromise(listedVideos(list))).files).toEqual([
    "/v/b.mp4",
    "/v/c/\uFEFFa.mp4",
    resolve("\uFEFFd.mp4"),
  ])
})

test("a list may have 64 MiB, and not one byte more", async () => {
  const list = join(folderWith(), "list.txt")
  const [path, mib] = ["/videos/a.mp4", 1 << 20]
  writeFileSync(list, `${path}\n#`)
  truncateSync(list, 64 * mib)
  expect((await Effect.runPromise(listedVideos(list))).files).toEqual([path])
  truncateSync(list, 64 * mib + 1)
  expect((await Effect.runPromise(Effect.flip(listedVideos(list)))).message).toContain("longer than 64 MiB")
})

test("shards share the videos out, whatever else is in the list, about evenly", () => {
  const files = Array.from({ length: 3000 }, (_, i) => `/videos/video ${i}.mp4`)
  const parts = [1, 2, 3].map((index) => select(files, { shard: { index, of: 3 } }))
  expect(parts.flat().toSorted()).toEqual(files.toSorted())
  for (const part of parts) expect(Math.abs(part.length - 1000)).toBeLessThan(100)
  const alone = parts[1]?.[7] ?? ""
  expect(select([alone], { shard: { index: 2, of: 3 } })).toEqual([alone])
  expect(shardOf("/elsewhere/video 5.mkv", 3)).toBe(shardOf("/videos/video 5.mp4", 3))
})

test("the limit counts what the other selections leave", () => {
  const files = ["/a.mp4", "/b.mp4", "/c.mp4", "/d.mp4"]
  expect(select(files, { limit: 2 })).toEqual(["/a.mp4", "/b.mp4"])
  expect(select(files, { failed: new Set(["b", "c", "d"]), limit: 2 })).toEqual(["/b.mp4", "/c.mp4"])
})

test.each([
  ["little-endian", Buffer.from("\ufeffa.mp4\r\n", "utf16le")],
  ["big-endian", Buffer.from("\ufeffa.mp4\r\n", "utf16le").swap16()],
])("a list in %s UTF-16 is said to be one, and not that its files have bad names", async (_name, bytes) => {
  const list = join(folderWith(), "list.txt")
  writeFileSync(list, bytes)
  const { message } = await Effect.runPromise(Effect.flip(listedVideos(list)))
  expect(message).toBe(`the input list ${list} is UTF-16 text; save it as UTF-8`)
  for (const bytes of [Buffer.from("a.mp4\0b.mp4\0"), Buffer.from("a.mp4\n", "utf16le")]) {
    writeFileSync(list, bytes)
    expect((await Effect.runPromise(Effect.flip(listedVideos(list)))).message).toContain("holds null bytes")
  }
})
