import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { readFile, symlink, writeFile } from "node:fs/promises"
import { extname, join } from "node:path"
import { Effect, ManagedRuntime, Stream } from "effect"
import { video } from "../../src/layers.ts"
import { VideoDecoder } from "../../src/video/VideoDecoder.ts"
import type { VideoErrorReason } from "../../src/video/VideoError.ts"
import { runFolder } from "../support/folders.ts"
import { indicesAt } from "../support/indices.ts"
import {
  addElements,
  element,
  inflateDescription,
  inflateFormat,
  inflatePrivate,
} from "../support/inflate.ts"
import { makeVideo, type VideoSpec } from "../support/media.ts"
import { secondsOf } from "./video-layers.ts"

setDefaultTimeout(120_000)

const folder = runFolder()
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

/** Numbers in `[0, below)` that look like chance and are the same every time. */
const chance = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const containers: ReadonlyArray<VideoSpec> = [
  { name: "a.mp4", audio: true },
  { name: "a.mp4", codec: "hevc", container: { movflags: "faststart" } },
  { name: "a.mp4", container: { movflags: "frag_keyframe+empty_moov" } },
  { name: "a.mkv" },
  { name: "a.webm", codec: "vp9" },
  { name: "a.avi", codec: "mpeg4" },
  { name: "a.ts" },
]
const lies = [0, 0xff, 0x7f, 0x80]

/** Damages a file in one of several ways: bits of its headers, whole fields of them, its body, its length, its order. */
const damaged = (bytes: Buffer, seed: number): Buffer => {
  const pick = chance(seed + 1)
  const tables = bytes.indexOf("moov", 0, "latin1")
  const headers = () => (tables > 0 && pick(2) === 0 ? tables : 0) + pick(900)
  const copy = Buffer.from(bytes)
  const times = (count: number, change: () => void) => {
    for (let i = 0; i < count; i++) change()
  }
  switch (seed % 5) {
    case 0:
      times(1 + pick(8), () => {
        const at = headers() % copy.length
        copy[at] = (copy[at] ?? 0) ^ (1 << pick(8))
      })
      return copy
    case 1:
      times(1 + pick(3), () => {
        const at = headers() % copy.length
        copy.fill(lies[pick(lies.length)] ?? 0, at, at + 4)
      })
      return copy
    case 2:
      times(1 + copy.length / 200, () => {
        copy[pick(copy.length)] = pick(256)
      })
      return copy
    case 3:
      return copy.subarray(0, 1 + pick(copy.length))
    default: {
      const [from, length] = [pick(copy.length), 1 + pick(copy.length)]
      return Buffer.concat([copy.subarray(0, from), copy.subarray(from, from + length), copy.subarray(from)])
    }
  }
}

/** An MP4 whose table promises `count` pictures of one byte. */
const promising = async (count: number): Promise<string> => {
  const bytes = Buffer.from(await readFile(await makeVideo({ frames: 12, bFrames: 0 })))
  const sizes = bytes.indexOf("stsz", 0, "latin1")
  bytes.writeUInt32BE(1, sizes + 8)
  bytes.writeUInt32BE(count, sizes + 12)
  const file = join(folder, `promises-${count}.mp4`)
  await writeFile(file, bytes)
  return file
}

/** An MP4 of 160 x 120 pixels, each of them 4000 times as high as wide. */
const tall = async (): Promise<string> => {
  const bytes = Buffer.from(await readFile(await makeVideo({ frames: 4, aspect: [1, 2] })))
  const aspect = bytes.indexOf("pasp", 0, "latin1")
  bytes.writeUInt32BE(4000, aspect + 8)
  const file = join(folder, "tall.mp4")
  await writeFile(file, bytes)
  return file
}

/** Files with a codec header that is longer by so many bytes than it should be. */
const longHeaders = async (count: number): Promise<ReadonlyArray<string>> => {
  const read = async (spec: VideoSpec) => readFile(await makeVideo(spec))
  const files = {
    "avcC.mp4": inflateDescription(await read({ name: "a.mp4" }), "avcC", count),
    "hvcC.mp4": inflateDescription(await read({ name: "a.mp4", codec: "hevc" }), "hvcC", count),
    "private.mkv": inflatePrivate(await read({ name: "a.mkv" }), count),
    "format.avi": inflateFormat(await read({ name: "a.avi", codec: "mpeg4" }), count),
  }
  return Promise.all(
    Object.entries(files).map(async ([name, bytes]) => {
      const file = join(folder, `header-${count}-${name}`)
      await writeFile(file, bytes)
      return file
    }),
  )
}

/** A fragmented MP4 whose first fragment promises samples and lists none of them. */
const unlisted = async (count: number): Promise<string> => {
  const spec: VideoSpec = { name: "a.mp4", container: { movflags: "frag_keyframe+empty_moov" } }
  const bytes = Buffer.from(await readFile(await makeVideo(spec)))
  const run = bytes.indexOf("trun", 0, "latin1")
  // The position of the data alone.
  bytes.writeUInt32BE(1, run + 4)
  bytes.writeUInt32BE(count, run + 8)
  const file = join(folder, `unlisted-${count}.mp4`)
  await writeFile(file, bytes)
  return file
}

/** What a file may come to; a worker that dies of it is not among it. */
const ends: ReadonlyArray<VideoErrorReason | "frames"> = [
  "frames",
  "NotReadable",
  "NotAVideo",
  "NoVideoStream",
  "NoFrames",
  "DecodeFailed",
  "Unsupported",
]

for (const [name, files] of [
  ["native", 140],
  ["wasm", 70],
  ["ffmpeg", 14],
] as const)
  describe.skipIf(name === "ffmpeg" && Bun.which("ffmpeg") === null)(`hostile files: ${name}`, () => {
    const runtime = ManagedRuntime.make(video({ decoder: name, decoderFallback: false, workers: 2 }))
    afterAll(() => runtime.dispose())

    const endOf = (file: string) =>
      runtime.runPromise(
        Effect.gen(function* () {
          const decoder = yield* VideoDecoder
          const source = yield* decoder.probe(file)
          const times = [0, 0.5, 1].map((part) =>
            secondsOf(source, source.framePts[Math.round(part * (source.framePts.length - 1))] ?? 0),
          )
          const count = yield* Stream.runCount(
            decoder.frames(source, indicesAt(source, times), { output: { format: "JPEG", quality: 80 } }),
          )
          return count === times.length ? ("frames" as const) : ("too few frames" as const)
        }).pipe(
          Effect.catchAll(({ reason, message }) =>
            Effect.succeed(reason === "WorkerFailed" ? message : reason),
          ),
        ),
      )

    test(`${files} damaged files: frames or a clear error, and no worker dies`, async () => {
      const whole = await Promise.all(containers.map(async (spec) => readFile(await makeVideo(spec))))
      const found = new Set<string>()
      for (const seed of upTo(files)) {
        const kind = seed % containers.length
        const file = join(folder, `${name}-${seed}${extname(containers[kind]?.name ?? "")}`)
        await writeFile(file, damaged(whole[kind] ?? Buffer.alloc(0), seed))
        found.add(await endOf(file))
      }
      expect(found).toContain("frames")
      expect([...found].filter((end) => !(ends as ReadonlyArray<string>).includes(end))).toEqual([])
    })

    test("pictures that would take all memory are refused", async () => {
      expect(await endOf(await tall())).toBe("Unsupported")
      for (const count of [2 ** 24, 2 ** 32 - 1])
        expect(await endOf(await promising(count))).toBe("NotAVideo")
    })

    test("fragments that promise millions of pictures and list none are refused", async () => {
      expect(await endOf(await unlisted(2 ** 27))).toBe("NotAVideo")
    })

    test("a codec header of megabytes is refused with its size; one of kilobytes is no matter", async () => {
      for (const file of await longHeaders(2_000_000)) {
        const failure = await runtime.runPromise(
          Effect.flip(Effect.flatMap(VideoDecoder, (decoder) => decoder.probe(file))),
        )
        expect([file, failure.reason, failure.message]).toEqual([
          file,
          "NotAVideo",
          expect.stringContaining(
            "the header of a codec in it takes 2.0 MB, and no real one takes more than 1 MiB",
          ),
        ])
      }
      for (const file of await longHeaders(20_000))
        expect([file, await endOf(file)]).toEqual([file, "frames"])
    })

    test("attachments of many megabytes are refused with their size; some megabytes are no matter", async () => {
      const mkv = await readFile(await makeVideo({ name: "attached.mkv" }))
      const attaching = async (bytes: number) => {
        const content = element("61a7", element("465c", Buffer.alloc(bytes)))
        const file = join(folder, `${name}-attached-${bytes}.mkv`)
        await writeFile(file, addElements(mkv, [["1941a469", content]]))
        return file
      }
      const probed = Effect.flatMap(VideoDecoder, ({ probe }) => Effect.flip(probe(refused)))
      const refused = await attaching(40_000_000)
      expect((await runtime.runPromise(probed)).message).toContain(
        "its attachments take 40 MB, more than 32 MiB",
      )
      expect(await endOf(await attaching(4_000_000))).toBe("frames")
      const indexed = join(folder, `${name}-indexed.mkv`)
      await writeFile(indexed, addElements(mkv, [["1c53bb6b", Buffer.alloc(20_000_000)]]))
      expect(await endOf(indexed)).toBe("NotAVideo")
    })

    test("header only, another container's name, a playlist, a device: an end at once", async () => {
      const mkv = await readFile(await makeVideo({ name: "b.mkv" }))
      const write = async (as: string, bytes: Uint8Array | string) => {
        const file = join(folder, `${name}-${as}`)
        await writeFile(file, bytes)
        return endOf(file)
      }
      expect(await write("renamed.mp4", mkv)).toBe("frames")
      expect(["NotAVideo", "NoFrames"]).toContain(
        await write("header.mkv", mkv.subarray(0, mkv.indexOf("1f43b675", 0, "hex"))),
      )
      expect(await write("list.mp4", "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n")).toBe("NotAVideo")
      expect(await write("joined.mp4", "ffconcat version 1.0\nfile '/etc/passwd'\n")).toBe("NotAVideo")
      if (process.platform === "win32") return
      const endless = join(folder, `${name}-endless.mp4`)
      await symlink("/dev/zero", endless)
      expect(await endOf(endless)).toBe("NotReadable")
    })
  })
