import { describe, expect, test } from "bun:test"
import { readFileSync, writeFileSync } from "node:fs"
import { Effect, Either } from "effect"
import { DatasetError } from "../../src/dataset/DatasetError.ts"
import type { Store } from "../../src/dataset/DatasetStore.ts"

const run = Effect.runPromise
const limit = 1 << 20

/** What every store does, whatever it is made of. `open` gives an empty one, and `again` the same one to another process. */
export const storeContract = (
  name: string,
  open: () => Promise<{ readonly store: Store; readonly again: () => Store }>,
): void => {
  const textOf = async (store: Store, key: string) => (await run(store.read(key, limit)))?.toString("utf8")

  describe(`${name}: files`, () => {
    test("what was written is read again, by others too, and replaced as a whole", async () => {
      const { store, again } = await open()
      expect(await textOf(store, "a/b/c.txt")).toBeUndefined()
      await run(store.write("a/b/c.txt", "one, long"))
      expect(await textOf(again(), "a/b/c.txt")).toBe("one, long")
      await run(store.write("a/b/c.txt", Buffer.from("two")))
      expect(await textOf(again(), "a/b/c.txt")).toBe("two")
      await run(store.syncNames("a/b"))
      expect(await run(store.digest("a/b/c.txt", limit))).toMatchObject({
        sha256: new Bun.CryptoHasher("sha256").update("two").digest("hex"),
        sizeBytes: 3,
        first: Buffer.from("two"),
        last: Buffer.from("two"),
      })
      expect(await run(store.digest("a/b/none", limit))).toBeUndefined()
    })

    test("names are listed by folder, in order, and nothing in the making is among them", async () => {
      const { store } = await open()
      for (const folder of ["", "none"])
        expect([await run(store.list(folder)), await run(store.entries(folder))]).toEqual([[], []])
      for (const key of ["b/2.txt", "b/1.txt", "b/in/3.txt", "a.txt"]) await run(store.write(key, key))
      expect(await run(store.list(""))).toEqual(["a.txt", "b"])
      expect(await run(store.list("b"))).toEqual(["1.txt", "2.txt", "in"])
      expect(await run(store.entries("b"))).toMatchObject([
        { name: "1.txt", kind: "file", sizeBytes: 7 },
        { name: "2.txt", kind: "file", sizeBytes: 7 },
        { name: "in", kind: "folder" },
      ])
      await run(
        store.publish("b/4.txt", (path) =>
          Effect.promise(async () => {
            writeFileSync(path, "half")
            expect(await run(store.read("b/4.txt", limit))).toBeUndefined()
          }),
        ),
      )
      expect(await textOf(store, "b/4.txt")).toBe("half")
      expect((await run(store.list("b"))).filter((each) => !each.startsWith("."))).toEqual([
        "1.txt",
        "2.txt",
        "4.txt",
        "in",
      ])
    })

    test("what stands at a key is told, and whether it has changed", async () => {
      const { store } = await open()
      expect(await run(store.look("v"))).toBeUndefined()
      await run(store.write("v/x.txt", "abc"))
      expect(await run(store.look("v"))).toMatchObject({ kind: "folder" })
      const before = await run(store.look("v/x.txt"))
      expect(before).toMatchObject({ kind: "file", sizeBytes: 3 })
      await Bun.sleep(5)
      await run(store.write("v/x.txt", "abcd"))
      expect((await run(store.look("v/x.txt")))?.stamp).not.toBe(before?.stamp)
    })

    test("a file that is too large is not read", async () => {
      const { store } = await open()
      await run(store.write("large", "12345"))
      expect(await textOf(store, "large")).toBe("12345")
      for (const reading of [store.read("large", 4), store.digest("large", 4)])
        expect(await run(Effect.flip<unknown, DatasetError, never>(reading))).toMatchObject({
          reason: "NotPlain",
          path: store.locate("large"),
        })
    })

    test("a file in the way of a folder, and a folder in the way of a file, are told and stay", async () => {
      const { store } = await open()
      await run(store.write("file", "x"))
      await run(store.write("folder/in", "x"))
      for (const key of ["file/in", "folder"]) {
        const error = await run(Effect.flip(store.write(key, "y")))
        expect(error).toBeInstanceOf(DatasetError)
        expect(error).toMatchObject({ reason: "Unwritable", path: store.locate(key) })
      }
      expect([await textOf(store, "file"), await textOf(store, "folder/in")]).toEqual(["x", "x"])
    })

    test("what is begun and fails leaves the file as it was", async () => {
      const { store } = await open()
      await run(store.write("v/x", "old"))
      const failing = store.publish("v/x", (path) =>
        Effect.zipRight(
          Effect.sync(() => writeFileSync(path, "half")),
          Effect.fail("no luck"),
        ),
      )
      expect(await run(Effect.either(failing))).toEqual(Either.left("no luck"))
      expect([await textOf(store, "v/x"), await run(store.list("v"))]).toEqual(["old", ["x"]])
    })

    test("a file is read at a path of this machine as long as that is needed", async () => {
      const { store } = await open()
      await run(store.write("v/clip.mp4", "bytes"))
      await run(store.write("v/other/clip.mp4", "others"))
      const keys = ["v/clip.mp4", "v/other/clip.mp4"]
      const reading = Effect.map(store.localPaths(keys), (pathOf) =>
        keys.map((key) => readFileSync(pathOf(key), "utf8")),
      )
      expect(await run(Effect.scoped(reading))).toEqual(["bytes", "others"])
    })

    test("files get other keys, copies and none, and what is taken stays", async () => {
      const { store } = await open()
      await run(store.write("v/a", "a"))
      await run(store.write("v/b", "b"))
      await run(store.rename("v/a", "v/b"))
      expect([await run(store.list("v")), await textOf(store, "v/b")]).toEqual([["b"], "a"])
      expect(await run(store.copy("v/b", "v/c"))).toBe(true)
      await run(store.write("v/d", "d"))
      expect(await run(store.copy("v/b", "v/d"))).toBe(false)
      expect([await textOf(store, "v/c"), await textOf(store, "v/d")]).toEqual(["a", "d"])
      await run(store.remove("v/c"))
      await run(store.remove("v/none"))
      expect(await run(store.list("v"))).toEqual(["b", "d"])
      await run(store.removeIfEmpty("v"))
      expect(await run(store.list("v"))).toEqual(["b", "d"])
    })

    test("files and folders move to keys that are free", async () => {
      const { store } = await open()
      await run(store.write("v/one/x/1", "1"))
      await run(store.write("v/f", "f"))
      expect(await run(store.move("v/one", "v/two", "folder"))).toBe(true)
      expect(await run(store.move("v/one", "v/two", "folder"))).toBe(true)
      expect(await textOf(store, "v/two/x/1")).toBe("1")
      expect(await run(store.move("v/f", "v/g", "folder"))).toBe(false)
      expect(await run(store.move("v/f", "v/two", "file"))).toBe(false)
      expect(await run(store.move("v/f", "v/g", "file"))).toBe(true)
      expect(await run(store.list("v"))).toEqual(["g", "two"])
    })

    test("nothing gets a key, and nothing loses its own, that is not confirmed", async () => {
      const { store } = await open()
      await run(store.write("v/x", "old"))
      const lost = new DatasetError({ reason: "LockLost", path: "v", message: "lost" })
      const guarded = store.confirmedBy(Effect.fail(lost))
      for (const writing of [
        guarded.write("v/x", "new"),
        guarded.publish("v/x", (path) => Effect.sync(() => writeFileSync(path, "new"))),
        guarded.rename("v/x", "v/y"),
        Effect.asVoid(guarded.move("v/x", "v/y", "file")),
        Effect.asVoid(guarded.copy("v/x", "v/y")),
        guarded.remove("v/x"),
      ])
        expect(await run(Effect.flip(writing))).toBe(lost)
      expect([await textOf(store, "v/x"), await run(store.list("v"))]).toEqual(["old", ["x"]])
    })
  })

  describe(`${name}: conditional files`, () => {
    const key = ".locks/cup"

    test("one is made once, read by others, and gone when its version is removed", async () => {
      const { store, again } = await open()
      const other = again().conditional
      expect(await run(other.read(key))).toBeUndefined()
      const version = await run(store.conditional.create(key, "mine"))
      expect(await run(other.read(key))).toEqual({ content: "mine", version: version ?? "" })
      expect(await run(other.list(".locks"))).toEqual(["cup"])
      expect(await run(other.create(key, "theirs"))).toBeUndefined()
      await run(other.remove(key, "another version"))
      expect((await run(other.read(key)))?.content).toBe("mine")
      await run(store.conditional.remove(key, version))
      expect([await run(other.read(key)), await run(other.list(".locks"))]).toEqual([undefined, []])
      expect(await run(other.create(key, "theirs"))).toBeDefined()
    })

    test("one is replaced only as long as its version stands", async () => {
      const { store, again } = await open()
      const { create, read, remove, replace } = store.conditional
      const first = (await run(create(key, "1"))) ?? ""
      const second = (await run(replace(key, first, "22"))) ?? ""
      expect(await run(read(key))).toEqual({ content: "22", version: second })
      expect(second).not.toBe(first)
      expect(await run(again().conditional.replace(key, first, "3"))).toBeUndefined()
      await run(remove(key, first))
      expect(await run(read(key))).toEqual({ content: "22", version: second })
      await run(remove(key, second))
      expect(await run(replace(key, second, "4"))).toBeUndefined()
      expect(await run(read(key))).toBeUndefined()
    })

    test("of many that make or replace one at the same time, one succeeds", async () => {
      const { again } = await open()
      const stores = Array.from({ length: 8 }, again)
      for (let round = 0; round < 10; round++) {
        const made = await Promise.all(
          stores.map(({ conditional }, i) => run(conditional.create(key, `${i}`))),
        )
        const [version = ""] = made.filter((each) => each !== undefined)
        expect(made.filter((each) => each !== undefined)).toHaveLength(1)
        const replaced = await Promise.all(
          stores.map(({ conditional }, i) => run(conditional.replace(key, version, `new ${i}`))),
        )
        const winner = replaced.findIndex((each) => each !== undefined)
        expect(replaced.filter((each) => each !== undefined)).toHaveLength(1)
        const left = await run(again().conditional.read(key))
        expect(left).toEqual({ content: `new ${winner}`, version: replaced[winner] ?? "" })
        await run(again().conditional.remove(key, left?.version))
      }
    })
  })
}
