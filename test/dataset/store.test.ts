import { describe, expect, test } from "bun:test"
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { Deferred, Effect, Either, Fiber } from "effect"
import type { DatasetError } from "../../src/dataset/DatasetError.ts"
import type { Store } from "../../src/dataset/DatasetStore.ts"
import { localStore } from "../../src/dataset/local-store.ts"
import { scratchFolder } from "../../src/dataset/scratch.ts"
import {
  listFolder,
  publishFile,
  readBytes,
  removeLeftovers,
  writeFile,
  writeIfChanged,
} from "../../src/dataset/store.ts"
import { canonicalJson } from "../../src/plan/fingerprint.ts"
import { temporaryFolder } from "../support/folders.ts"
import { runIn } from "../support/in-root.ts"
import { changedFiles, filesBelow, stampsBelow } from "../support/run-cli.ts"

const run = Effect.runPromise

describe("a file is there whole or not at all", () => {
  test("it appears under its own name only when it is complete", async () => {
    await using root = await temporaryFolder()
    const path = join(root.path, "a", "b", "file.txt")
    const produce = (temporary: string) =>
      Effect.sync(() => {
        writeFileSync(temporary, "half")
        expect(filesBelow(root.path)).toHaveLength(1)
        expect(filesBelow(root.path)).not.toContain("a/b/file.txt")
        writeFileSync(temporary, "whole")
      })
    await runIn(root.path, publishFile("a/b/file.txt", produce))
    expect(filesBelow(root.path)).toEqual(["a/b/file.txt"])
    expect(readFileSync(path, "utf8")).toBe("whole")
  })

  test("a failure keeps the old file and leaves nothing else", async () => {
    await using root = await temporaryFolder()
    const path = join(root.path, "file.txt")
    await runIn(root.path, writeFile("file.txt", "old"))
    const failing = publishFile("file.txt", (temporary) =>
      Effect.zipRight(
        Effect.sync(() => writeFileSync(temporary, "half")),
        Effect.fail("no luck"),
      ),
    )
    expect(await runIn(root.path, Effect.either(failing))).toEqual(Either.left("no luck"))
    expect(filesBelow(root.path)).toEqual(["file.txt"])
    expect(readFileSync(path, "utf8")).toBe("old")
  })

  test("an interruption likewise", async () => {
    await using root = await temporaryFolder()
    const program = Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const writing = publishFile("file.txt", (temporary) =>
        Effect.sync(() => writeFileSync(temporary, "half")).pipe(
          Effect.zipRight(Deferred.succeed(begun, undefined)),
          Effect.zipRight(Effect.never),
        ),
      )
      const fiber = yield* Effect.fork(writing)
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(fiber)
    })
    await runIn(root.path, program)
    expect(filesBelow(root.path)).toEqual([])
  })

  test("names as long as the file system allows can be written", async () => {
    await using root = await temporaryFolder()
    const name = `step12_${"字".repeat(80)}.mp4`
    await runIn(root.path, writeFile(name, "x"))
    expect(filesBelow(root.path)).toEqual([name])
  })
})

describe("errors name the path and the reason", () => {
  test("a file in the way of a folder", async () => {
    await using root = await temporaryFolder()
    writeFileSync(join(root.path, "blocked"), "")
    const result = await runIn(root.path, Effect.either(writeFile("blocked/file.txt", "x")))
    expect(Either.isLeft(result) && result.left).toMatchObject({ _tag: "DatasetError", reason: "Unwritable" })
    expect(Either.isLeft(result) && result.left.message).toContain("a file is in the way of a folder")
  })

  test("a folder in the place of a file", async () => {
    await using root = await temporaryFolder()
    const path = join(root.path, "file.txt")
    mkdirSync(join(path, "inside"), { recursive: true })
    const result = await runIn(root.path, Effect.either(writeFile("file.txt", "x")))
    expect(Either.isLeft(result) && result.left).toMatchObject({ reason: "Unwritable", path })
    expect(filesBelow(root.path)).toEqual([])
  })

  test("a missing file is absent, not an error", async () => {
    await using root = await temporaryFolder()
    expect(await runIn(root.path, readBytes("none"))).toBeUndefined()
  })

  test("nor is one below a file, or a folder of its name", async () => {
    await using root = await temporaryFolder()
    writeFileSync(join(root.path, "file.txt"), "")
    mkdirSync(join(root.path, "folder"))
    expect(await runIn(root.path, readBytes("file.txt/none"))).toBeUndefined()
    expect(await runIn(root.path, readBytes("folder"))).toBeUndefined()
  })

  test("a file that is there and cannot be read is an error, not absent", async () => {
    await using root = await temporaryFolder()
    const path = join(root.path, "n".repeat(300))
    expect(await runIn(root.path, Effect.flip(readBytes("n".repeat(300))))).toMatchObject({
      reason: "Unreadable",
      path,
    })
  })

  test("a name that is too long for the file system", async () => {
    await using root = await temporaryFolder()
    const error = await runIn(root.path, Effect.flip(writeFile("n".repeat(300), "x")))
    expect(error.message).toEndWith(
      "the path is too long for the file system; choose a shorter --output-root",
    )
  })
})

test("a folder for files on their way is gone when its scope ends, also where somebody has removed it before", async () => {
  const removed = (remove: boolean) =>
    Effect.map(scratchFolder, (path) => {
      writeFileSync(join(path, "half"), "x")
      if (remove) rmSync(path, { recursive: true })
      return path
    })
  for (const remove of [false, true])
    expect(existsSync(await run(Effect.scoped(removed(remove))))).toBe(false)
})

test("a folder that is a link is neither listed nor swept where nothing may be reached through one", async () => {
  await using root = await temporaryFolder()
  const [elsewhere, folder] = [join(root.path, "elsewhere"), join(root.path, "folder")]
  mkdirSync(elsewhere)
  writeFileSync(join(elsewhere, ".tmp-0123456789ab"), "x")
  symlinkSync(elsewhere, folder)
  for (const work of [Effect.asVoid(listFolder("folder")), removeLeftovers("folder")])
    expect(await runIn(root.path, Effect.flip(work))).toMatchObject({ reason: "NotPlain" })
  expect(filesBelow(elsewhere)).toEqual([".tmp-0123456789ab"])
})

test("a folder that is watched is the same from when it is first there until it is moved, removed or made anew", async () => {
  await using root = await temporaryFolder()
  const folder = join(root.path, "folder")
  const seen = Effect.gen(function* () {
    const isSame = yield* localStore(root.path).watch("folder")
    const before = yield* isSame
    mkdirSync(folder)
    const made = [yield* isSame, yield* isSame]
    renameSync(folder, `${folder}.moved`)
    const moved = yield* isSame
    mkdirSync(folder)
    const anew = yield* isSame
    rmSync(folder, { recursive: true })
    renameSync(`${folder}.moved`, folder)
    return { before, made, moved, anew, again: yield* isSame }
  })
  expect(await run(Effect.scoped(seen))).toEqual({
    before: true,
    made: [true, true],
    moved: false,
    anew: false,
    again: true,
  })
})

describe("no conditional file is looked for, made, replaced or removed through a link", () => {
  const onFile = ({
    conditional,
  }: Store): Readonly<Record<string, Effect.Effect<unknown, DatasetError>>> => ({
    read: conditional.read(".locks/cup"),
    create: conditional.create(".locks/cup", "mine"),
    replace: conditional.replace(".locks/cup", "v1", "mine"),
    remove: conditional.remove(".locks/cup", "v1"),
  })
  const onFolder = ({ conditional }: Store) => ({
    list: conditional.list(".locks"),
    sweep: conditional.sweep(".locks", () => Effect.succeed(true)),
  })

  test.each([
    ["the folder of the files", ".locks", (store: Store) => ({ ...onFile(store), ...onFolder(store) })],
    ["a file", ".locks/cup", onFile],
  ])("in the place of %s", async (_what, link, operations) => {
    await using root = await temporaryFolder()
    await using elsewhere = await temporaryFolder()
    mkdirSync(join(elsewhere.path, "cup"))
    for (const name of ["v1", "cup/v1", ".tmp-0123456789ab"]) writeFileSync(join(elsewhere.path, name), "x")
    mkdirSync(dirname(join(root.path, link)), { recursive: true })
    symlinkSync(elsewhere.path, join(root.path, link))
    const before = stampsBelow(elsewhere.path)
    for (const [name, work] of Object.entries(operations(localStore(root.path))))
      expect([name, await run(Effect.flip(work))]).toMatchObject([name, { reason: "NotPlain" }])
    expect(changedFiles(before, stampsBelow(elsewhere.path))).toEqual([])
  })
})

test("folders that were made for a conditional file go with it, and no others", async () => {
  await using folder = await temporaryFolder()
  const root = join(folder.path, "not", "there")
  const { create, remove } = localStore(root).conditional
  const version = await run(create(".locks/cup", "mine"))
  expect(filesBelow(root)).toEqual([`.locks/cup/${version}`])
  await run(remove(".locks/cup", version))
  expect(readdirSync(folder.path)).toEqual([])
  mkdirSync(root, { recursive: true })
  const again = localStore(root).conditional
  await run(again.remove(".locks/cup", await run(again.create(".locks/cup", "mine"))))
  expect(readdirSync(root)).toEqual([])
  expect(readdirSync(folder.path)).toEqual(["not"])
})

test("a copy is whole, with nothing left beside it, and shares nothing with what it is a copy of; a link is not copied", async () => {
  await using root = await temporaryFolder()
  const { copy } = localStore(root.path)
  writeFileSync(join(root.path, "a"), "as it was")
  symlinkSync(join(root.path, "a"), join(root.path, "link"))
  expect(await run(copy("a", "b"))).toBe(true)
  writeFileSync(join(root.path, "a"), "written into")
  expect(readFileSync(join(root.path, "b"), "utf8")).toBe("as it was")
  expect(await run(copy("a", "b"))).toBe(false)
  expect(await run(Effect.flip(copy("link", "c")))).toMatchObject({ reason: "NotPlain" })
  expect(readdirSync(root.path).toSorted()).toEqual(["a", "b", "link"])
})

test("what is there already is not written again", async () => {
  await using root = await temporaryFolder()
  expect(await runIn(root.path, writeIfChanged("file.txt", "same"))).toBe(true)
  const before = stampsBelow(root.path)
  expect(await runIn(root.path, writeIfChanged("file.txt", "same"))).toBe(false)
  expect(stampsBelow(root.path)).toEqual(before)
  expect(await runIn(root.path, writeIfChanged("file.txt", "other"))).toBe(true)
})

test("canonical JSON does not depend on the order of keys, but on that of lists", () => {
  expect(canonicalJson({ b: [2, { d: 1, c: null }], a: "x" })).toBe(
    canonicalJson({ a: "x", b: [2, { c: null, d: 1 }] }),
  )
  expect(canonicalJson([1, 2])).not.toBe(canonicalJson([2, 1]))
})
