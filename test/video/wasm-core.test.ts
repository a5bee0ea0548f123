import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { closeSync, openSync, statSync } from "node:fs"
import type { FramesCall } from "../../src/video/protocol.ts"
import { timesArguments } from "../../src/video/wasm/arguments.ts"
import { frames } from "../../src/video/wasm/frames.ts"
import { Instance, InstanceFailure } from "../../src/video/wasm/instance.ts"
import { makeInfoSource, openMedia } from "../../src/video/wasm/media.ts"
import { compileCore } from "../../src/video/wasm/module.ts"
import { probe } from "../../src/video/wasm/probe.ts"
import { makeVideo, readFrameNumber, type VideoSpec } from "../support/media.ts"

setDefaultTimeout(60_000)

const loaded: Array<Instance> = []
const load = async () => {
  const instance = await Instance.load({
    module: await compileCore(),
    loadDeadlineMs: 30_000,
    stallMs: 30_000,
  })
  loaded.push(instance)
  return instance
}
const opened: Array<number> = []
afterAll(() => {
  for (const instance of loaded) instance[Symbol.dispose]()
  for (const fd of opened) closeSync(fd)
})

const open = (instance: Instance, file: string, poll = () => {}) => {
  const fd = openSync(file, "r")
  opened.push(fd)
  return openMedia(instance, file, { fd, sizeBytes: statSync(file).size }, poll)
}

/**
 * Pictures of the frames at these positions, by the numbers drawn in them, and how many frames were decoded: only
 * what they depend on, or `asAWhole`, from the start of the file.
 */
const sample = async (instance: Instance, file: string, indices: ReadonlyArray<number>, asAWhole = false) => {
  const media = open(instance, file)
  const infoOf = makeInfoSource()
  const { probed } = await probe({ type: "probe", file, alone: true }, media, infoOf)
  if (probed === undefined) throw new Error("pictures that are alone are decoded")
  const { framePts, ...source } = probed
  const call: FramesCall = {
    type: "frames",
    ...source,
    wantedPts: indices.map((i) => framePts[i] ?? 0),
    firstPts: framePts[0] ?? 0,
    packetsTrusted: source.indexedBy === "packets" && !asAWhole,
    output: { format: "JPEG", quality: 90 },
  }
  const jpegs: Array<Uint8Array> = []
  const emit = (item: unknown) => {
    if (typeof item === "object" && item !== null && "data" in item && item.data instanceof Uint8Array)
      jpegs.push(item.data)
  }
  const { decoded } = await frames(call, media, infoOf, { poll: () => {}, emit })
  return { jpegs, numbers: await Promise.all(jpegs.map(readFrameNumber)), decoded }
}

const timesOf = (file: string) =>
  timesArguments(
    {
      name: `source${file.slice(file.lastIndexOf("."))}`,
      streamIndex: 0,
      seekSeconds: undefined,
      saysAll: false,
    },
    undefined,
  )

describe("an instance of ffmpeg-core", () => {
  test("its memory does not grow with requests", async () => {
    const instance = await load()
    const file = await makeVideo({ frames: 60 })
    await sample(instance, file, [50])
    const before = instance.heapBytes
    expect(before).toBeGreaterThan(0)
    for (let i = 0; i < 60; i++)
      expect((await sample(instance, file, [(i * 7) % 60])).numbers).toEqual([(i * 7) % 60])
    expect(instance.heapBytes).toBe(before)
  })

  test("what ends a run is thrown on, and the instance works on", async () => {
    const instance = await load()
    const file = await makeVideo({ frames: 200 })
    const wish = new Error("no longer wanted")
    for (let i = 0; i < 3; i++) {
      let wanted = true
      const media = open(instance, file, () => {
        if (!wanted) throw wish
      })
      const run = media.run("ffmpeg", timesOf(file), async () => {
        wanted = false
        // The core waits until this is done with a record: it cannot get to the end before it is asked to stop.
        await Bun.sleep(50)
      })
      expect(await run.catch((error: unknown) => error)).toBe(wish)
    }
    expect(instance.broken).toBe(false)
    expect((await sample(instance, file, [0, 199])).numbers).toEqual([0, 199])
  })

  test("a run can be ended early from outside the core", async () => {
    const instance = await load()
    const file = await makeVideo({ frames: 200 })
    let records = 0
    await open(instance, file).run("ffmpeg", timesOf(file), (_, { stop }) => {
      records++
      stop()
    })
    expect(records).toBeGreaterThan(0)
    expect(records).toBeLessThan(20)
    expect((await sample(instance, file, [100])).numbers).toEqual([100])
  })

  test("what a receiver throws ends the run and is thrown on", async () => {
    const instance = await load()
    const file = await makeVideo({ frames: 20 })
    const problem = new Error("no room")
    const run = open(instance, file).run("ffmpeg", timesOf(file), () => {
      throw problem
    })
    expect(await run.catch((error: unknown) => error)).toBe(problem)
    expect((await sample(instance, file, [3])).numbers).toEqual([3])
  })

  test("after a crash it is gone", async () => {
    const instance = await load()
    const file = await makeVideo({ frames: 3 })
    const tooMuch = open(instance, file).run("ffmpeg", ["x".repeat(2 << 20)], () => {})
    expect(await tooMuch.catch((error: unknown) => error)).toBeInstanceOf(InstanceFailure)
    expect(instance.broken).toBe(true)
    const again = open(instance, file).run("ffmpeg", timesOf(file), () => {})
    expect(await again.catch((error: unknown) => error)).toBeInstanceOf(InstanceFailure)
  })

  test("one that cannot load says so at once", async () => {
    const module = new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0))
    const loading = Instance.load({ module, loadDeadlineMs: 60_000, stallMs: 5_000 })
    expect(await loading.catch((error: unknown) => error)).toBeInstanceOf(InstanceFailure)
  })
})

describe("decoding no more than is needed", () => {
  /** The most frames that one in the middle of a group of 60 takes. */
  const streams: Readonly<Record<string, readonly [spec: VideoSpec, most: number]>> = {
    "a pyramid of B-frames": [{ x264: "b-pyramid=normal:bframes=5:ref=1" }, 8],
    "a pyramid in Matroska": [{ name: "pyramid.mkv", x264: "b-pyramid=normal:bframes=5:ref=1" }, 8],
    "variable length codes in slices": [{ x264: "cabac=0:bframes=3:ref=1:slices=3" }, 10],
    "several references": [{ x264: "b-pyramid=normal:bframes=3:ref=4:weightp=2" }, 17],
    "pictures that nothing refers to": [{ bFrames: 2 }, 25],
    "pictures that nothing refers to, in Matroska": [{ name: "gaps.mkv", bFrames: 2 }, 25],
    HEVC: [{ codec: "hevc", bFrames: 2 }, 25],
    "open groups of pictures": [{ openGop: true, bFrames: 3 }, 25],
    fields: [{ interlaced: true, bFrames: 2 }, 31],
    "ten bits": [{ codec: "hevc", pixelFormat: "yuv420p10le", bFrames: 2 }, 25],
    "colours that the container alone describes": [{ colour: true, bFrames: 2 }, 25],
    "the same in Matroska": [{ name: "colours.mkv", colour: true, bFrames: 2 }, 25],
    "uneven times": [
      { pts: Array.from({ length: 120 }, (_, i) => i * 40 + ((i * i * 7) % 31)), timeBase: [1, 1000] },
      31,
    ],
  }

  for (const [name, [spec, most]] of Object.entries(streams))
    test(`the pictures are those of a decode of the whole: ${name}`, async () => {
      const instance = await load()
      const file = await makeVideo({ frames: 120, keyframeEvery: 60, ...spec })
      for (const wanted of [[89], [0], [41], [42, 43], [24, 44], [60, 119], [3, 59, 61, 100]]) {
        const { jpegs, numbers, decoded } = await sample(instance, file, wanted)
        const whole = await sample(instance, file, wanted, true)
        expect(numbers).toEqual(wanted)
        expect(jpegs.map((jpeg, i) => Buffer.compare(jpeg, whole.jpegs[i] ?? Buffer.alloc(0)))).toEqual(
          wanted.map(() => 0),
        )
        if (wanted[0] === 89) expect(decoded).toBeLessThanOrEqual(most)
      }
    })

  test("several wanted frames in one group of pictures share one decode", async () => {
    const instance = await load()
    const file = await makeVideo({ frames: 100, keyframeEvery: 100 })
    const { numbers, decoded } = await sample(instance, file, [10, 30, 50, 70, 90])
    expect(numbers).toEqual([10, 30, 50, 70, 90])
    expect(decoded).toBeLessThan(100)
  })
})
