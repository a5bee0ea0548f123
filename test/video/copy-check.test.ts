import { expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import { Effect } from "effect"
import { cut } from "../../src/video/libav/cut.ts"
import type { CutCall } from "../../src/video/protocol.ts"
import { VideoDecoder } from "../../src/video/VideoDecoder.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { cutOf, run } from "./video-layers.ts"

setDefaultTimeout(60_000)

/** A call for copies of `[from, to)` of a video whose packets are not trusted. */
const callFor = async (file: string, ranges: ReadonlyArray<readonly [number, number]>): Promise<CutCall> => {
  const source = await run(Effect.flatMap(VideoDecoder, ({ probe }) => probe(file)))
  const { framePts, sizeBytes, streamIndex, timeBase } = source
  const ptsAt = (place: number) => framePts[place] ?? source.endPts
  const { source: _, startPts: _from, endPts: _to, output: _path, ...settings } = cutOf(source, 0, 0, "")
  return {
    ...settings,
    type: "cut",
    mode: "copy",
    file,
    sizeBytes,
    streamIndex,
    timeBase,
    frameRate: { num: 24, den: 1 },
    keyframes: [],
    packetsTrusted: false,
    clips: ranges.map(([from, to], i) => ({
      startPts: ptsAt(from),
      endPts: ptsAt(to),
      output: join(runFolder(), `${i}.mp4`),
      framePts: framePts.slice(from, to),
    })),
  }
}

/** What a cut says of its clips, and how many packets and frames it went through. */
const cutCounted = (call: CutCall) => {
  const items: Array<unknown> = []
  let polls = 0
  cut(call, { poll: () => void polls++, emit: (item) => void items.push(item) })
  return { items, polls }
}

test("copies of a video whose packets are not trusted are compared in one decode of it", async () => {
  const file = await makeVideo({ frames: 240, keyframeEvery: 12 })
  const last = cutCounted(await callFor(file, [[204, 240]]))
  const ranges = [0, 36, 72, 108, 144, 180, 204].map((from) => [from, from + 36] as const)
  const all = cutCounted(await callFor(file, ranges))
  expect(last.items).toMatchObject([{ clip: 0, mode: "copy", copiedFrames: 36 }])
  expect(all.items).toMatchObject(ranges.map((_, clip) => ({ clip, mode: "copy", copiedFrames: 36 })))
  // The last one alone takes a decode of everything; seven are to take less than three of those.
  expect(all.polls).toBeLessThan(3 * last.polls)
})

test("of copies that overlap each is compared with its own frames", async () => {
  const file = await makeVideo({ frames: 96, keyframeEvery: 24, bFrames: 2 })
  const { items } = cutCounted(
    await callFor(file, [
      [0, 96],
      [5, 30],
      [20, 22],
      [30, 96],
    ]),
  )
  expect(items).toHaveLength(4)
  for (const item of items) expect(item).toMatchObject({ mode: "copy" })
})
