import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"
import { VideoDecoder } from "../../src/video/VideoDecoder.ts"
import { earlier } from "../campaign/media/mutators/matroska.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo, type VideoSpec } from "../support/media.ts"
import { runCli } from "../support/run-cli.ts"
import { run } from "./video-layers.ts"

setDefaultTimeout(120_000)

const probe = (file: string) => run(Effect.flatMap(VideoDecoder, (decoder) => decoder.probe(file)))

/** An AVI that ends in the middle of its last picture. */
const cutOff = async (): Promise<string> => {
  const file = await makeVideo({
    name: "cut.avi",
    codec: "mjpeg",
    pixelFormat: "yuvj420p",
    frames: 24,
    noise: true,
  })
  const bytes = await readFile(file)
  const last = bytes.lastIndexOf("00dc", bytes.indexOf("idx1", 0, "latin1") - 1, "latin1")
  await writeFile(file, bytes.subarray(0, last + 8 + (bytes.readUInt32LE(last + 4) >> 1)))
  return file
}

/** A transport stream from whose middle one packet is lost. */
const withLoss = async (spec: VideoSpec): Promise<string> => {
  const file = await makeVideo({ name: "loss.ts", frames: 48, keyframeEvery: 12, noise: true, ...spec })
  const bytes = await readFile(file)
  const lost = 188 * Math.floor(bytes.length / 188 / 2)
  await writeFile(file, Buffer.concat([bytes.subarray(0, lost), bytes.subarray(lost + 188)]))
  return file
}

describe("frames that decode only in part", () => {
  test("are named: the last picture of a file that is cut off", async () => {
    const { damagedPts, framePts } = await probe(await cutOff())
    expect([framePts.length, damagedPts]).toEqual([24, [23]])
  })

  for (const codec of ["h264", "hevc"] as const)
    test(`are named: one in the middle of a stream that lost a packet, ${codec}`, async () => {
      const { damagedPts = [], framePts } = await probe(await withLoss({ codec }))
      const places = damagedPts.map((pts) => framePts.indexOf(pts))
      expect(places.length).toBeGreaterThan(0)
      for (const place of places) expect(place).toBeWithin(12, 37)
    })

  test("are not found where nothing is damaged, also where everything has to be decoded", async () => {
    const file = await makeVideo({ name: "early.mkv" })
    await writeFile(file, earlier(await readFile(file), 500))
    const { damagedPts, indexedBy } = await probe(file)
    expect([indexedBy, damagedPts]).toEqual(["decode", undefined])
  })

  test("the run and its record say which they are", async () => {
    const root = runFolder()
    const args = ["--input-video", await cutOff(), "--output-root", root, "--rehearsal", "--stages", "1"]
    const { code, stderr } = await runCli(["pipeline", ...args])
    expect(code).toBe(0)
    expect(stderr).toMatch(/1 of 24 frames is or may be damaged, at 0\.958333 s: /u)
    const { decoding } = await Bun.file(join(root, "cut/run_summary.json")).json()
    expect(decoding.damaged_sec).toEqual([0.958333])
  })
})
