import { expect, test } from "bun:test"
import { utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { readIdentity } from "../../src/dataset/identity.ts"
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
