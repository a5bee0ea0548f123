import { expect, test } from "bun:test"
import { closeSync, openSync, writeFileSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { bytesKept } from "../../src/bitstream/matroska/kept-bytes.ts"
import { runFolder } from "../support/folders.ts"
import { element, inflatePrivate } from "../support/inflate.ts"
import { makeVideo } from "../support/media.ts"

const folder = runFolder()

const keptOf = (bytes: Uint8Array) => {
  const file = join(folder, "file")
  writeFileSync(file, bytes)
  const fd = openSync(file, "r")
  try {
    return bytesKept(fd, bytes.length)
  } finally {
    closeSync(fd)
  }
}

const largestIn = (bytes: Uint8Array): number => keptOf(bytes).codecPrivate

/** A Segment or Cluster whose size is not known, as live streams have it. */
const unsized = (id: string, content: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(id, "hex"), Buffer.from("01ffffffffffffff", "hex"), content])

const head = element("1a45dfa3", Buffer.alloc(0))
const track = (...children: ReadonlyArray<Uint8Array>) =>
  element("1654ae6b", element("ae", Buffer.concat(children)))
const header = (bytes: number) => element("63a2", Buffer.alloc(bytes))

test("the longest codec header of a Matroska file is found where the muxer put it", async () => {
  const plain = await readFile(await makeVideo({ name: "a.mkv" }))
  const bytes = largestIn(plain)
  expect(bytes).toBeGreaterThan(20)
  expect(bytes).toBeLessThan(2000)
  expect(largestIn(inflatePrivate(plain, 5000))).toBe(bytes + 5000)
})

test.each<[string, Buffer, number]>([
  ["in a segment without a size", Buffer.concat([head, unsized("18538067", track(header(70)))]), 70],
  [
    "after other elements",
    Buffer.concat([
      head,
      element(
        "18538067",
        Buffer.concat([element("ec", Buffer.alloc(99)), track(element("d7", Buffer.alloc(1)), header(71))]),
      ),
    ]),
    71,
  ],
  [
    "after a cluster",
    Buffer.concat([
      head,
      unsized("18538067", Buffer.concat([element("1f43b675", Buffer.alloc(9)), track(header(72))])),
    ]),
    72,
  ],
  [
    "of two, the longer",
    Buffer.concat([head, unsized("18538067", Buffer.concat([track(header(73)), track(header(7))]))]),
    73,
  ],
  [
    "of one that is cut off, what is there",
    Buffer.concat([head, unsized("18538067", track(header(80)))]).subarray(0, -6),
    74,
  ],
  ["none without tracks", Buffer.concat([head, unsized("18538067", Buffer.alloc(0))]), 0],
  ["none of another file", Buffer.from("RIFF".repeat(40)), 0],
  ["none of zeros", Buffer.alloc(100), 0],
  ["none of nothing", Buffer.alloc(0), 0],
])("%s", (_where, bytes, expected) => {
  expect(largestIn(bytes)).toBe(expected)
})

test("so is the index", () => {
  const cues = element("1c53bb6b", Buffer.alloc(500))
  expect(keptOf(Buffer.concat([head, unsized("18538067", Buffer.concat([cues, cues]))])).cues).toBe(1000)
})

test("attachments are counted together, wherever they are", () => {
  const attached = element("1941a469", element("61a7", element("465c", Buffer.alloc(900))))
  const segment = Buffer.concat([attached, element("1f43b675", Buffer.alloc(9)), attached])
  expect(keptOf(Buffer.concat([head, unsized("18538067", segment)]))).toEqual({
    codecPrivate: 0,
    attachments: 2 * (900 + 10 + 10),
    cues: 0,
    tags: 0,
  })
})

test("tags and chapters are counted together", () => {
  const parts = [element("1254c367", Buffer.alloc(700)), element("1043a770", Buffer.alloc(50))]
  expect(keptOf(Buffer.concat([head, unsized("18538067", Buffer.concat(parts))])).tags).toBe(750)
})
