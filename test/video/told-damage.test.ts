import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"
import { indexFrames } from "../../src/video/libav/frame-index.ts"
import { makePacket, openInput, packetPts, pickVideoStream } from "../../src/video/libav/input.ts"
import { VideoDecoder } from "../../src/video/VideoDecoder.ts"
import { earlier } from "../campaign/media/mutators/matroska.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo, type VideoSpec } from "../support/media.ts"
import { runCli } from "../support/run-cli.ts"
import { decodeAll } from "../support/truth.ts"
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

/** An AVI of H.264 with B-frames, and the same that ends at the begin of its last packet. */
const cutOffReordered = async (): Promise<readonly [string, string]> => {
  const file = await makeVideo({ name: "reordered.avi", frames: 24, bFrames: 2, noise: true })
  const bytes = await readFile(file)
  const last = bytes.lastIndexOf("00dc", bytes.indexOf("idx1", 0, "latin1") - 1, "latin1")
  const shorter = join(runFolder(), "shorter.avi")
  await writeFile(shorter, bytes.subarray(0, last + 8 + 40))
  return [file, shorter]
}

/** A recording twice in one file, as `cat` joins them. */
const joined = async (spec: VideoSpec): Promise<string> => {
  const file = await makeVideo({ name: "joined.ts", frames: 36, keyframeEvery: 12, ...spec })
  const bytes = await readFile(file)
  await writeFile(file, Buffer.concat([bytes, bytes]))
  return file
}

/** PTS of a file's packets in order of decoding, and where in the file each begins. */
const packetsOf = (file: string) => {
  using input = openInput(file)
  using packet = makePacket()
  const found: Array<{ readonly pts: number; readonly at: number }> = []
  while (input.read(packet)) found.push({ pts: packetPts(packet), at: Number(packet.pos) })
  return found
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

  for (const codec of ["h264", "hevc"] as const)
    test(`are named, where frames are put in order: that of which a part is lost and no other, ${codec}`, async () => {
      const spec: VideoSpec = {
        name: "part.ts",
        codec,
        frames: 36,
        bFrames: 2,
        keyframeEvery: 12,
        noise: true,
      }
      const file = await makeVideo(spec)
      const bytes = await readFile(file)
      const packets = packetsOf(file)
      for (const place of [16, 17, 18]) {
        const at = (packets[place]?.at ?? 0) + 188
        expect(at).toBeLessThan(packets[place + 1]?.at ?? 0)
        const broken = join(runFolder(), `lost ${place}.ts`)
        await writeFile(broken, Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 188)]))
        expect((await probe(broken)).damagedPts).toEqual([packets[place]?.pts ?? 0])
      }
    })

  test("are named: one that comes out when the decoder is drained, where only a decoder knows the order", async () => {
    const [whole, cut] = await Promise.all((await cutOffReordered()).map(probe))
    if (whole === undefined || cut === undefined) throw new Error("there are two files")
    const [pictures, others] = [await decodeAll(whole), await decodeAll(cut)]
    const different = cut.framePts.filter((pts) => !Bun.deepEquals(pictures.get(pts), others.get(pts)))
    expect(different).toHaveLength(1)
    expect(cut.damagedPts).toEqual(different)
  })

  for (const spec of [
    { codec: "h264" },
    { codec: "h264", bFrames: 0 },
    { codec: "hevc" },
  ] satisfies Array<VideoSpec>)
    test(`are not found at the seam of two recordings: ${JSON.stringify(spec)}`, async () => {
      const { damagedPts, framePts, indexedBy } = await probe(await joined(spec))
      expect([framePts.length, indexedBy, damagedPts]).toEqual([36, "decode", undefined])
    })

  test("are looked for in the decode that finds the times: an undamaged stream is decoded once", async () => {
    const file = await joined({ bFrames: 0 })
    const packets = packetsOf(file).length
    let polls = 0
    using input = openInput(file)
    const io = { poll: () => ++polls, emit: () => {}, credit: () => Promise.resolve() }
    indexFrames(input, pickVideoStream(input), io)
    // Once for every packet whose header is read, and for every packet and frame of a decode.
    expect(polls).toBeLessThanOrEqual(packets + 2 * packets)
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
