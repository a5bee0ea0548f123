import { describe, expect, test } from "bun:test"
import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { sizeLimit } from "../../src/dataset/DatasetStore.ts"
import { keepIfForeign, type MediaKind } from "../../src/dataset/media.ts"
import { sha256 } from "../../src/plan/fingerprint.ts"
import { runFolder } from "../support/folders.ts"
import { runIn } from "../support/in-root.ts"

const jpeg = Buffer.concat([Buffer.from("ffd8ffe0", "hex"), Buffer.alloc(40), Buffer.from("ffd9", "hex")])

/** A box of an MP4 file: its size, its type, and so many bytes. */
const box = (type: string, bytes: number) => {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(8 + bytes)
  head.write(type, 4, "latin1")
  return Buffer.concat([head, Buffer.alloc(bytes)])
}
const mp4 = Buffer.concat([box("ftyp", 16), box("mdat", 100), box("moov", 30)])

const zeros = "0".repeat(64)

/** The names in a folder after `name`, which holds `content`, is about to be replaced. */
const namesAfter = async (
  name: string,
  content: Uint8Array,
  kind: MediaKind,
  { recorded = zeros, wanted = zeros }: { readonly recorded?: string | null; readonly wanted?: string } = {},
) => {
  const folder = runFolder()
  writeFileSync(join(folder, name), content)
  await runIn(folder, keepIfForeign(name, kind, recorded, wanted))
  return readdirSync(folder).toSorted()
}

const media = [
  ["a picture", "a.jpg", jpeg, "JPEG picture"],
  ["a clip", "a.mp4", mp4, "MP4 clip"],
] as const

describe.each(media)("%s that is about to be replaced", (_what, name, content, kind) => {
  const kept = name.replace(".", ".previous-1.")

  test.each([[zeros], [null]])("is kept beside it if the digest on record is %p", async (recorded) => {
    expect(await namesAfter(name, content, kind, { recorded })).toEqual([name, kept].toSorted())
  })

  test("is kept under the next number where the name is taken by something else", async () => {
    const folder = runFolder()
    writeFileSync(join(folder, name), content)
    writeFileSync(join(folder, kept), "something else")
    await runIn(folder, keepIfForeign(name, kind, zeros, zeros))
    expect(readdirSync(folder).toSorted()).toEqual([name, kept, kept.replace("1", "2")].toSorted())
    expect(readFileSync(join(folder, kept), "utf8")).toBe("something else")
  })

  test("is not kept if it is the one on record, or the one that takes its place", async () => {
    expect(await namesAfter(name, content, kind, { recorded: sha256(content) })).toEqual([name])
    expect(await namesAfter(name, content, kind, { wanted: sha256(content) })).toEqual([name])
  })

  test("is not kept if it was cut off, or is nothing of its kind", async () => {
    expect(await namesAfter(name, content.subarray(0, -5), kind)).toEqual([name])
    expect(await namesAfter(name, Buffer.alloc(60, 7), kind)).toEqual([name])
  })
})

test("a clip that was cut off within the head of a box is not kept, even if what is left of it says that it goes on to the end", async () => {
  const endless = Buffer.concat([mp4, Buffer.alloc(4), Buffer.from("free")])
  expect(await namesAfter("a.mp4", endless, "MP4 clip")).toEqual(["a.mp4", "a.previous-1.mp4"])
  expect(await namesAfter("a.mp4", endless.subarray(0, -4), "MP4 clip")).toEqual(["a.mp4"])
})

test("a picture that is larger than any is not read, but told", async () => {
  const folder = runFolder()
  writeFileSync(join(folder, "a.jpg"), jpeg)
  truncateSync(join(folder, "a.jpg"), sizeLimit.picture + 1)
  const refused = await runIn(folder, Effect.flip(keepIfForeign("a.jpg", "JPEG picture", zeros, zeros)))
  expect(refused).toMatchObject({ _tag: "DatasetError", path: join(folder, "a.jpg") })
  expect(readdirSync(folder)).toEqual(["a.jpg"])
})
