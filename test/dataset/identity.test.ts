import { expect, test } from "bun:test"
import { utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import {
  type FileStamp,
  isSameContent,
  isSameStamp,
  isWrittenTo,
  readIdentity,
  type VideoIdentity,
} from "../../src/dataset/identity.ts"
import { sha256 } from "../../src/plan/fingerprint.ts"
import { runFolder } from "../support/folders.ts"

const mib = 1 << 20

const noise = (bytes: number): Uint8Array =>
  Uint8Array.from({ length: bytes }, (_, i) => (i * 2654435761) >>> 24)

const fingerprintOf = async (content: Uint8Array, name = "video.mp4"): Promise<string> => {
  const file = join(runFolder(), name)
  writeFileSync(file, content)
  utimesSync(file, 1, content.length)
  return (await readIdentity(file)).fingerprint
}

const digestOf = (size: number, ...parts: ReadonlyArray<Uint8Array>): string =>
  sha256(Buffer.concat([Buffer.from(`${size}\n`), ...parts]))

test.each([0, 1, 1000, mib])("a file of %d bytes is known by its size and all of it", async (size) => {
  const content = noise(size)
  expect(await fingerprintOf(content)).toBe(digestOf(size, content))
})

test.each([mib + 3, 2 * mib, 5 * mib + 7])(
  "a file of %d bytes is known by its first, middle and last MiB",
  async (size) => {
    const content = noise(size)
    const middle = Math.floor((size - mib) / 2)
    const parts = [content.slice(0, mib), content.slice(middle, middle + mib), content.slice(size - mib)]
    expect(await fingerprintOf(content)).toBe(digestOf(size, ...parts))
  },
)

test("the name and the times of a file do not matter, its bytes and its size do", async () => {
  const content = noise(4 * mib)
  const known = await fingerprintOf(content)
  expect(await fingerprintOf(content, "moved.mov")).toBe(known)
  for (const place of [0, mib - 1, 2 * mib, 4 * mib - 1])
    expect(await fingerprintOf(content.with(place, (content[place] ?? 0) ^ 1))).not.toBe(known)
  expect(await fingerprintOf(content.slice(0, -1))).not.toBe(known)
})

const stamp: FileStamp = { place: "1 2", size: 3n, modifiedNs: 4n, changedNs: 5n }

test.each<[string, Partial<FileStamp>, { readonly isSame: boolean; readonly isWritten: boolean }]>([
  ["nothing happens to", {}, { isSame: true, isWritten: false }],
  ["grows", { size: 4n }, { isSame: false, isWritten: true }],
  ["is written to", { modifiedNs: 5n, changedNs: 6n }, { isSame: false, isWritten: true }],
  ["grows and is written to", { size: 4n, modifiedNs: 5n }, { isSame: false, isWritten: true }],
  ["is moved, or given another owner", { changedNs: 6n }, { isSame: false, isWritten: false }],
  ["another takes the place of", { place: "1 3" }, { isSame: false, isWritten: false }],
  ["a longer one takes the place of", { place: "1 3", size: 4n }, { isSame: false, isWritten: false }],
])("a file that %s, seen from outside", (_what, change, { isSame, isWritten }) => {
  const now = { ...stamp, ...change }
  expect([isSameStamp(stamp, now), isSameStamp(now, stamp)]).toEqual([isSame, isSame])
  expect([isWrittenTo(stamp, now), isWrittenTo(now, stamp)]).toEqual([isWritten, isWritten])
})

test("the same content is of one size, one fingerprint and the same between, wherever and whenever it was written", () => {
  const known: VideoIdentity = { stamp, fingerprint: "a", spread: "b" }
  const elsewhere = { ...stamp, place: "9 9", modifiedNs: 9n, changedNs: 9n }
  expect(isSameContent(known, { ...known, stamp: elsewhere })).toBe(true)
  expect(isSameContent(known, { ...known, stamp: { ...stamp, size: 4n } })).toBe(false)
  expect(isSameContent(known, { ...known, fingerprint: "c" })).toBe(false)
  expect(isSameContent(known, { ...known, spread: "c" })).toBe(false)
})
