import { expect, test } from "bun:test"
import { select, shardOf } from "../../src/batch/select.ts"

const files = Array.from({ length: 400 }, (_, i) => `/videos/clip ${i}.mp4`)

test("every video belongs to one part, from 1 to the number of parts, and parts are about equal", () => {
  const parts = [1, 2, 3, 4].map((index) => select(files, { shard: { index, of: 4 } }))
  expect(parts.flat().toSorted()).toEqual(files.toSorted())
  for (const part of parts) expect(Math.abs(part.length - 100)).toBeLessThan(30)
  expect(new Set(files.map((file) => shardOf(file, 4)))).toEqual(new Set([1, 2, 3, 4]))
})

test("the part of a video depends on its name alone and never changes", () => {
  // SHA-256 of the id, its first 12 hexadecimal digits modulo the number of parts.
  expect(["/a/cooking.mp4", "/b/cooking.mp4", "pouring.mkv"].map((file) => shardOf(file, 1000))).toEqual([
    shardOf("cooking.mp4", 1000),
    shardOf("cooking.mp4", 1000),
    shardOf("pouring.mp4", 1000),
  ])
  const digest = new Bun.CryptoHasher("sha256").update("cooking").digest("hex")
  expect(shardOf("cooking.mp4", 1000)).toBe(1 + (Number.parseInt(digest.slice(0, 12), 16) % 1000))
})

test("what was refused before counts as failed: a file by its path, a folder with all that is below it", () => {
  const refused = ["/videos/clip 3.mp4", "/videos/closed/"]
  const all = [...files, "/videos/closed/a.mp4", "/videos/closed/deep/b.mp4", "/videos/closed.mp4"]
  const taken = (failed: ReadonlySet<string> | undefined) =>
    select(all, { refused, ...(failed === undefined ? {} : { failed }) })
  const mended = ["/videos/clip 3.mp4", "/videos/closed/a.mp4", "/videos/closed/deep/b.mp4"]
  expect(taken(new Set())).toEqual(mended)
  expect(taken(new Set(["clip 9"]))).toEqual(["/videos/clip 3.mp4", "/videos/clip 9.mp4", ...mended.slice(1)])
  expect(taken(undefined)).toEqual(all)
})

test("what failed before is taken from the part, and the limit from what is left", () => {
  const failed = new Set(["clip 3", "clip 5", "clip 7", "clip 300"])
  expect(select(files, { failed })).toEqual([3, 5, 7, 300].map((i) => `/videos/clip ${i}.mp4`))
  expect(select(files, { failed, limit: 2 })).toEqual(["/videos/clip 3.mp4", "/videos/clip 5.mp4"])
  expect(select(files, { limit: 0 })).toEqual([])
  expect(select(files, {})).toEqual(files)
  const half = select(files, { shard: { index: 2, of: 2 } })
  expect(select(files, { shard: { index: 2, of: 2 }, limit: 10 })).toEqual(half.slice(0, 10))
})
