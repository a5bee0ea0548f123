import { describe, expect, test } from "bun:test"
import { closeSync, openSync, statSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { hasSeveralDescriptions, readSampleTables } from "../../src/bitstream/isobmff/sample-table.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"

const words = (...values: ReadonlyArray<number>): Buffer => {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, i * 4)
  return bytes
}

const box = (type: string, ...parts: ReadonlyArray<Uint8Array>): Buffer => {
  const body = Buffer.concat(parts)
  return Buffer.concat([words(body.length + 8), Buffer.from(type, "latin1"), body])
}

const track = (handler: string, ...tables: ReadonlyArray<Uint8Array>): Buffer =>
  box(
    "moov",
    box(
      "trak",
      box(
        "mdia",
        box("hdlr", words(0, 0), Buffer.from(handler, "latin1"), words(0, 0, 0)),
        box("minf", box("stbl", ...tables)),
      ),
    ),
  )

/** A fragment with this many samples, none of which has an entry of its own. */
const fragment = (samples: number): Buffer =>
  box("moof", box("traf", box("trun", words(0, samples), Buffer.alloc(20))))

/** What is read of an MP4 of these boxes that is as long as `sizeBytes`. */
const readFrom = (boxes: ReadonlyArray<Uint8Array>, sizeBytes: number) => {
  const file = join(runFolder(), "tables.mp4")
  writeFileSync(file, Buffer.concat(boxes))
  truncateSync(file, Math.max(sizeBytes, statSync(file).size))
  const fd = openSync(file, "r")
  try {
    return readSampleTables(fd, statSync(file).size)
  } finally {
    closeSync(fd)
  }
}

describe("what the tables of an MP4 promise", () => {
  const minutesOfSound = Array.from({ length: 120 }, () => fragment(48_000))

  test("is too much if fragments promise more samples than the file has bytes", () => {
    expect(readFrom([track("vide"), ...minutesOfSound], 0).promiseTooMuch).toBe(true)
    expect(readFrom([track("vide"), fragment(2 ** 32 - 1)], 10_000_000).promiseTooMuch).toBe(true)
  })

  test("is what a file may hold: minutes of sound in fragments, of which each sample has two bytes", () => {
    const sizeBytes = 120 * 48_000 * 2
    expect(readFrom([track("soun"), ...minutesOfSound], sizeBytes).promiseTooMuch).toBe(false)
  })

  test("is too much if pictures of one size do not fit into the file; sound may", () => {
    const sizes = box("stsz", words(0, 100, 2 ** 23), Buffer.alloc(8))
    expect(readFrom([track("vide", sizes)], 1000).promiseTooMuch).toBe(true)
    expect(readFrom([track("soun", sizes)], 1000).promiseTooMuch).toBe(false)
  })

  test("names the largest description, wherever it is among the tracks", () => {
    const tracks = [20, 5000, 300].map((length) => track("vide", box("stsd", Buffer.alloc(length))))
    expect(readFrom(tracks, 0).largestDescription).toBe(5008)
    expect(readFrom([box("ftyp", Buffer.alloc(30))], 0)).toEqual({
      promiseTooMuch: false,
      largestDescription: 0,
      tagBytes: 0,
    })
  })

  test("counts the tags of the movie and of its tracks", () => {
    const tagged = box(
      "moov",
      box("trak", box("udta", Buffer.alloc(300))),
      box("udta", box("meta", Buffer.alloc(500))),
      box("meta", Buffer.alloc(100)),
    )
    expect(readFrom([tagged], 0).tagBytes).toBe(308 + 516 + 108)
  })

  test("is nothing of a real video, fragmented or not", async () => {
    for (const movflags of ["faststart", "frag_keyframe+empty_moov"]) {
      const file = await makeVideo({ container: { movflags }, audio: true })
      const fd = openSync(file, "r")
      const { largestDescription, promiseTooMuch } = readSampleTables(fd, statSync(file).size)
      expect(promiseTooMuch).toBe(false)
      expect(largestDescription).toBeWithin(100, 1000)
      expect(hasSeveralDescriptions(fd)).toBe(false)
      closeSync(fd)
    }
  })
})
