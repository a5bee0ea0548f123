import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"
import { headerProblem } from "../../src/video/header-problem.ts"
import { VideoDecoder } from "../../src/video/VideoDecoder.ts"
import { runFolder } from "../support/folders.ts"
import { addElements } from "../support/inflate.ts"
import { makeVideo } from "../support/media.ts"
import { run } from "./video-layers.ts"

setDefaultTimeout(60_000)

const box = (type: string, body: Uint8Array): Buffer => {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(body.length + 8)
  head.write(type, 4, "latin1")
  return Buffer.concat([head, body])
}

const written = async (name: string, bytes: Uint8Array): Promise<string> => {
  const file = join(runFolder(), name)
  await writeFile(file, bytes)
  return file
}

/** An MP4 whose title is so long. */
const titled = async (bytes: number): Promise<string> => {
  const mp4 = await readFile(await makeVideo({ container: { movflags: "0" } }))
  const moov = mp4.lastIndexOf(Buffer.from("moov")) - 4
  const sizeBytes = mp4.readUInt32BE(moov)
  expect(moov + sizeBytes).toBe(mp4.length)
  const data = box("data", Buffer.concat([Buffer.from([0, 0, 0, 1, 0, 0, 0, 0]), Buffer.alloc(bytes, 65)]))
  const handler = box("hdlr", Buffer.from("\0\0\0\0\0\0\0\0mdirappl\0\0\0\0\0\0\0\0\0", "latin1"))
  const list = box("ilst", box("\xa9nam", data))
  const tags = box("udta", box("meta", Buffer.concat([Buffer.alloc(4), handler, list])))
  mp4.writeUInt32BE(sizeBytes + tags.length, moov)
  return written(`titled-${bytes}.mp4`, Buffer.concat([mp4, tags]))
}

/** A Matroska file whose tags are so long. */
const tagged = async (bytes: number): Promise<string> => {
  const mkv = await readFile(await makeVideo({ name: "tagged.mkv" }))
  return written(`tagged-${bytes}.mkv`, addElements(mkv, [["1254c367", Buffer.alloc(bytes)]]))
}

/** An AVI with a chunk of such a kind in front of the list of this kind. */
const padded = async (bytes: number, id: string, before: string): Promise<string> => {
  const avi = await readFile(await makeVideo({ name: "padded.avi", codec: "mjpeg", pixelFormat: "yuvj420p" }))
  // A list has its kind behind its head, a chunk its own in front.
  const at = avi.indexOf(before, 0, "latin1") - (before === "idx1" ? 0 : 8)
  const head = Buffer.alloc(8)
  head.write(id, "latin1")
  head.writeUInt32LE(bytes, 4)
  avi.writeUInt32LE(avi.readUInt32LE(4) + bytes + 8, 4)
  const parts = [avi.subarray(0, at), head, Buffer.alloc(bytes), avi.subarray(at)]
  return written(`padded-${id}-${before}-${bytes}.avi`, Buffer.concat(parts))
}

const framesOf = (file: string) =>
  run(
    Effect.map(
      Effect.flatMap(VideoDecoder, ({ probe }) => probe(file)),
      ({ framePts }) => framePts.length,
    ),
  )

describe("what would take too much memory or time to read", () => {
  test("tags of many megabytes are refused with their size; some megabytes are no matter", async () => {
    for (const make of [titled, tagged]) {
      expect(headerProblem(await make(40_000_000))).toContain(
        "its tags, such as its title, take 40 MB, more than 32 MiB",
      )
      expect(await framesOf(await make(3_000_000))).toBe(48)
    }
  })

  test("a chunk in front of an AVI's pictures is refused by its name; one of some megabytes is no matter", async () => {
    for (const [id, before] of [
      ["JUNK", "movi"],
      ["JUNK", "hdrl"],
      ["PAD ", "movi"],
    ] as const) {
      const why = `a chunk "${id}" of 20 MB lies before its frames`
      expect(headerProblem(await padded(20_000_000, id, before))).toContain(why)
    }
    expect(await framesOf(await padded(3_000_000, "JUNK", "movi"))).toBe(48)
  })

  test("what comes after the pictures of an AVI does not matter, however long it is", async () => {
    expect(await framesOf(await padded(20_000_000, "JUNK", "idx1"))).toBe(48)
  })
})
