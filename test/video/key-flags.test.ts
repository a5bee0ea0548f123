import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { readFile, writeFile } from "node:fs/promises"
import { decodersHere } from "../support/decoders-here.ts"
import { oneIn } from "../support/long.ts"
import { makeVideo, type VideoSpec } from "../support/media.ts"
import { readNumbers } from "../support/numbered-frames.ts"
import { runCli } from "../support/run-cli.ts"

setDefaultTimeout(120_000)

const FRAMES = 60
const EVERY = 12
const positions = [1, 11, 17, 30, 59]

/** An MP4 without the box that lists its key frames: by the format, all frames are. */
const withoutList = (bytes: Buffer): Buffer => {
  bytes.write("free", bytes.lastIndexOf("stss"), "latin1")
  return bytes
}

/** An AVI without its index: libav takes every frame for a key frame. */
const withoutIndex = (bytes: Buffer): Buffer => {
  bytes.write("JUNK", bytes.lastIndexOf("idx1"), "latin1")
  return bytes
}

/** An AVI whose index calls every frame a key frame. */
const withFlags = (bytes: Buffer): Buffer => {
  const index = bytes.lastIndexOf("idx1")
  const end = index + 8 + bytes.readUInt32LE(index + 4)
  for (let entry = index + 8; entry < end; entry += 16) bytes.writeUInt32LE(0x10, entry + 4)
  return bytes
}

/** An FLV that calls every picture a key frame, in the upper half of the first byte of each tag. */
const withTags = (bytes: Buffer): Buffer => {
  for (let at = 13; at + 11 < bytes.length; at += 15 + bytes.readUIntBE(at + 1, 3))
    if (bytes[at] === 9) bytes[at + 11] = 0x10 | ((bytes[at + 11] ?? 0) & 0x0f)
  return bytes
}

const cases: ReadonlyArray<readonly [what: string, spec: VideoSpec, spoil: (bytes: Buffer) => Buffer]> = [
  ["MPEG-4 in MP4 without a list of key frames", { codec: "mpeg4", name: "mpeg4.mp4" }, withoutList],
  ["H.263 in 3GP without a list of key frames", { codec: "h263", name: "h263.3gp" }, withoutList],
  ["MS MPEG-4 v2 in AVI without an index", { codec: "msmpeg4v2", name: "v2.avi" }, withoutIndex],
  ["MS MPEG-4 v3 in AVI without an index", { codec: "msmpeg4v3", name: "v3.avi" }, withoutIndex],
  ["MS MPEG-4 v3 in AVI whose index lies", { codec: "msmpeg4v3", name: "v3-flags.avi" }, withFlags],
  ["WMV 1 in AVI whose index lies", { codec: "wmv1", name: "wmv1.avi" }, withFlags],
  ["WMV 2 in AVI without an index", { codec: "wmv2", name: "wmv2.avi" }, withoutIndex],
  ["H.263 in AVI whose index lies", { codec: "h263", name: "h263.avi" }, withFlags],
  ["FLV whose tags lie", { codec: "flv1", name: "flv1.flv" }, withTags],
]

const spoilt = new Map<string, Promise<string>>()

/** The file of a case, made once. */
const fileOf = (spec: VideoSpec, spoil: (bytes: Buffer) => Buffer): Promise<string> => {
  const { name = "" } = spec
  const make = async () => {
    const size = { width: 176, height: 144, frames: FRAMES, keyframeEvery: EVERY, bFrames: 0 }
    const file = await makeVideo({ ...size, ...spec })
    await writeFile(file, spoil(await readFile(file)))
    return file
  }
  const file = spoilt.get(name) ?? make()
  spoilt.set(name, file)
  return file
}

describe("frames that are said to be key frames and are none", () => {
  for (const decoder of decodersHere)
    test.each(oneIn(3, cases))(`${decoder} does not begin at them: %s`, async (_what, spec, spoil) => {
      const { numbers, source } = await readNumbers(decoder, await fileOf(spec, spoil), positions)
      expect(numbers).toEqual(positions)
      expect(source.framePts.length).toBe(FRAMES)
      expect(source.keyframes?.length).toBe(FRAMES / EVERY)
    })

  test("a copied clip does not begin at them either", async () => {
    const file = await fileOf({ codec: "mpeg4", name: "mpeg4.mp4" }, withoutList)
    const root = `${file}.out`
    const run = [
      "pipeline",
      "--input-video",
      file,
      "--output-root",
      root,
      "--rehearsal",
      "--max-frames",
      "12",
    ]
    const result = await runCli([...run, "--cut-mode", "copy"])
    expect([result.code, result.stderr]).toEqual([0, expect.any(String)])
    expect((await runCli(["validate", root])).code).toBe(0)
  })
})
