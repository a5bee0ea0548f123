import { expect, test } from "bun:test"
import { AVSEEK_FLAG_BACKWARD } from "node-av/constants"
import type { Frame } from "node-av/lib"
import { makePacket, openDecoder, openInput, pickVideoStream } from "../../src/video/libav/input.ts"
import { ReadAhead } from "../../src/video/libav/read-ahead.ts"
import { makeVideo, type VideoSpec } from "../support/media.ts"

const FRAMES = 60

const hashOf = ({ data, linesize, width, height }: Frame): string => {
  const hash = new Bun.CryptoHasher("sha256")
  for (const [plane, rows] of (data ?? []).entries()) {
    const [rowBytes, count] = plane === 0 ? [width, height] : [width / 2, height / 2]
    for (let y = 0; y < count; y++) {
      const from = y * (linesize[plane] ?? 0)
      hash.update(rows.subarray(from, from + rowBytes))
    }
  }
  return hash.digest("hex")
}

/** Every frame of a full decode by PTS, and how many packets it takes to get only some of them. */
const openStream = (file: string) => {
  const input = openInput(file)
  const stream = pickVideoStream(input)
  const decoder = openDecoder(input, stream)
  const packet = makePacket()
  const begin = () => {
    input.format.seekFrameSync(stream.index, 0n, AVSEEK_FLAG_BACKWARD)
    decoder.flush()
  }
  const decode = (read: () => boolean) => {
    const pictures = new Map<number, string>()
    let packets = 0
    const take = (frame: Frame) => pictures.set(Number(frame.bestEffortTimestamp), hashOf(frame))
    while (read()) {
      packets++
      for (const frame of decoder.push(packet)) take(frame)
    }
    for (const frame of decoder.push(undefined)) take(frame)
    return { pictures, packets }
  }
  begin()
  const { pictures: all } = decode(() => input.read(packet))
  const only = (wanted: ReadonlySet<number>) => {
    begin()
    const record = stream.codecpar.extradata
    if (record === null) throw new Error("no avcC record")
    using ahead = new ReadAhead(record, packet, () => input.read(packet), wanted)
    const left = new Set(wanted)
    const result = decode(() => {
      if (left.size === 0 || !ahead.next()) return false
      left.delete(Number(packet.pts))
      return true
    })
    expect(ahead.isLost).toBe(false)
    return result
  }
  const close = () => {
    packet.free()
    decoder[Symbol.dispose]()
    input[Symbol.dispose]()
  }
  return { all, only, close }
}

/** Encoder settings, and how many packets the frame after half of them takes at most. */
const streams: Readonly<Record<string, readonly [settings: string, most: number]>> = {
  "a pyramid of B-frames": ["b-pyramid=normal:bframes=5:ref=1", 6],
  "a strict pyramid": ["b-pyramid=strict:bframes=5:ref=4", 6],
  "several references": ["b-pyramid=normal:bframes=3:ref=4:weightp=2", 17],
  "no pyramid": ["b-pyramid=none:bframes=3:ref=2:weightp=1", 10],
  "temporal direct prediction": ["direct=temporal:bframes=5:ref=1", 6],
  "variable length codes": ["cabac=0:bframes=5:ref=1", 6],
  "variable length codes in slices": ["cabac=0:bframes=3:ref=1:slices=3", 10],
  "arithmetic codes in slices": ["bframes=5:ref=1:slices=4", 6],
  "no lossy steps": ["qp=0:bframes=3:ref=1", 31],
  fields: ["interlaced=1:bframes=3:ref=1", 31],
  "periodic intra refresh": ["intra-refresh=1:bframes=0", 31],
}

for (const [name, [x264, most]] of Object.entries(streams))
  test(`with ${name}, frames are those of a full decode, from no more packets than they need`, async () => {
    const spec: VideoSpec = {
      frames: FRAMES,
      width: 96,
      height: 64,
      keyframeEvery: FRAMES,
      x264: `cabac=1:${x264}`,
    }
    const { all, only, close } = openStream(await makeVideo(spec))
    expect(all.size).toBe(FRAMES)
    const times = [...all.keys()].toSorted((a, b) => a - b)
    for (const [i, pts] of times.entries()) {
      const wanted = new Set([pts, ...times.filter((_, k) => k > i && (k * 7 + i) % 29 === 0)])
      const { pictures } = only(wanted)
      for (const time of wanted) expect(pictures.get(time) ?? "").toBe(all.get(time) ?? "missing")
    }
    const middle = only(new Set(times.slice(FRAMES / 2, FRAMES / 2 + 1)))
    expect(middle.packets).toBeLessThanOrEqual(most)
    close()
  })
