import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { chmod, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Stream } from "effect"
import { video } from "../../src/layers.ts"
import { makeBitmap } from "../../src/picture/bmp.ts"
import { VideoDecoder } from "../../src/video/VideoDecoder.ts"
import { runFolder } from "../support/folders.ts"
import { indicesAt } from "../support/indices.ts"
import { makeVideo } from "../support/media.ts"
import { allNumbers, run, secondsOf } from "./video-layers.ts"

setDefaultTimeout(60_000)

const decoderNames = ["native", "ffmpeg", "wasm"] as const

const folder = runFolder()

const written = async (name: string, content: string | Uint8Array) => {
  const file = join(folder, name)
  await writeFile(file, content)
  return file
}

const failureOf = (file: string) =>
  run(
    Effect.gen(function* () {
      return yield* Effect.flip((yield* VideoDecoder).probe(file))
    }),
  )

/** A Matroska file whose video is of a codec that nobody knows. */
const ofUnknownCodec = async () => {
  const content = await readFile(await makeVideo({ name: "known.mkv", frames: 6 }))
  content.write("V_MPEG9/XYZ/ABC", content.indexOf("V_MPEG4/ISO/AVC", 0, "latin1"), "latin1")
  return written("unknown-codec.mkv", content)
}

/** An MP4's top-level box. */
const boxAt = (bytes: Buffer, type: string) => bytes.indexOf(type, 0, "latin1") - 4

describe("errors by kind", () => {
  test("NotReadable: missing, empty, a folder", async () => {
    for (const [file, words] of [
      [join(folder, "missing.mp4"), "does not exist"],
      [await written("empty.mp4", ""), "is empty"],
      [folder, "is a folder"],
    ] as const) {
      const failure = await failureOf(file)
      expect([failure.reason, failure.file]).toEqual(["NotReadable", file])
      expect(failure.message).toContain(words)
      expect(failure.message).toContain(file)
    }
  })

  test("NotAVideo: text, a playlist, noise, a bare header", async () => {
    const video = await readFile(await makeVideo({ frames: 3 }))
    const noise = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 2_654_435_761) >>> 13)
    for (const [name, content] of [
      ["text.mp4", "These are my notes on pancakes.\n".repeat(200)],
      ["subtitles.mp4", "1\n00:00:01,000 --> 00:00:02,000\nHello\n\n"],
      ["playlist.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nother.ts\n#EXT-X-ENDLIST\n"],
      ["list.mp4", "ffconcat version 1.0\nfile other.mp4\n"],
      ["noise.mp4", noise],
      ["zeros.mp4", new Uint8Array(100_000)],
      ["header.mp4", video.subarray(0, 28)],
      ["no-index.mp4", video.subarray(0, boxAt(video, "moov"))],
    ] as const) {
      const failure = await failureOf(await written(name, content))
      expect([name, failure.reason]).toEqual([name, "NotAVideo"])
      expect(failure.message).toContain(name)
    }
  })

  test.each(decoderNames.filter((name) => name !== "ffmpeg" || Bun.which("ffmpeg") !== null))(
    "Unsupported: a codec for which %s has no decoder, so that another backend is asked",
    async (decoder) => {
      const file = await ofUnknownCodec()
      const layer = video({ decoder, decoderFallback: false, workers: 1 })
      const probed = Effect.flatMap(VideoDecoder, ({ probe }) => probe(file))
      const failure = await Effect.runPromise(Effect.flip(Effect.provide(probed, layer)))
      expect([failure.reason, failure.message]).toEqual([
        "Unsupported",
        expect.stringMatching(/no decoder for codec/u),
      ])
    },
  )

  test("NotAVideo says what a file is instead, as far as its first bytes tell", async () => {
    const webp = (flags: number) =>
      Buffer.concat([
        Buffer.from("RIFF\0\0\0\0WEBPVP8X\n\0\0\0", "latin1"),
        Buffer.from([flags]),
        Buffer.alloc(99),
      ])
    const photo = await new Bun.Image(makeBitmap(8, 8).file).jpeg().bytes()
    const png = await new Bun.Image(makeBitmap(8, 8).file).png().bytes()
    for (const [name, content, words] of [
      ["picture.mp4", png, "it is a PNG picture"],
      ["photo.mp4", photo, "it is a JPEG picture"],
      ["photos.mp4", Buffer.concat([photo, photo]), "it is a raw stream of JPEG pictures; put it into"],
      ["bitmap.mp4", makeBitmap(8, 8).file, "it is a BMP picture"],
      ["still.mp4", webp(0), "it is a WebP picture"],
      ["moving.mp4", webp(2), "it is an animated WebP"],
      ["document.mp4", "%PDF-1.7\n\xff", "it is a PDF document"],
      ["archive.mp4", "PK\u0003\u0004\0\0", "it is a ZIP archive"],
      ["playlist.mp4", "#EXTM3U\nother.ts\n", "it is a list of other files"],
      ["stream.mp4", "BBCD\0\0\0\0\x12", "it is a raw Dirac stream; put it into a container"],
      ["old.mp4", Uint8Array.of(0, 0, 0x80, 2, 8, 4, 10, 0, 0, 0), "it is a raw H.263 stream; put it into"],
      ["letter.mp4", "Dear reader,\n", "it holds text"],
    ] as const) {
      const failure = await failureOf(await written(name, content))
      expect([failure.reason, failure.message]).toEqual(["NotAVideo", expect.stringContaining(words)])
    }
  })

  test("NotReadable at once: a pipe that nobody writes to", async () => {
    const pipe = join(folder, "pipe.mp4")
    expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0)
    expect(await failureOf(pipe)).toMatchObject({
      reason: "NotReadable",
      message: `${pipe} is a pipe or a device, not a file`,
    })
  })

  test("NoVideoStream: sound alone", async () => {
    const failure = await failureOf(await makeVideo({ video: false }))
    expect(failure.reason).toBe("NoVideoStream")
    expect(failure.message).toContain("audio but no video stream")
  })

  test("NoVideoStream: sound with a cover picture", async () => {
    const failure = await failureOf(await makeVideo({ video: false, cover: true }))
    expect(failure.reason).toBe("NoVideoStream")
  })

  test("NoFrames: an index whose pictures are gone", async () => {
    const bytes = Buffer.from(await readFile(await makeVideo({ frames: 20 })))
    const media = boxAt(bytes, "mdat")
    bytes.fill(0, media + 8, media + bytes.readUInt32BE(media))
    const failure = await failureOf(await written("gone.mp4", bytes))
    expect(failure.reason).toBe("NoFrames")
  })

  test("NotReadable: a file that may not be read", async () => {
    const file = await written("secret.mp4", "x")
    await chmod(file, 0)
    // The superuser may read everything.
    const failure = await failureOf(file)
    expect(failure.reason).toBe(process.getuid?.() === 0 ? "NotAVideo" : "NotReadable")
  })
})

describe("damaged files", () => {
  test("a picture that is damaged beyond decoding is not in the index, the others are", async () => {
    const file = await makeVideo({ frames: 40, bFrames: 0, keyframeEvery: 10 })
    const { source } = await run(allNumbers(file))
    const bytes = Buffer.from(await readFile(file))
    // The last packet's unit length points far beyond its end.
    const media = boxAt(bytes, "mdat")
    const end = media + bytes.readUInt32BE(media)
    const size = bytes.readUInt32BE(boxAt(bytes, "stsz") + 20 + 39 * 4)
    bytes.writeUInt32BE(0x7fffffff, end - size)
    const { source: damaged, numbers } = await run(allNumbers(await written("damaged.mp4", bytes)))
    expect(damaged.indexedBy).toBe("decode")
    expect(damaged.framePts).toEqual(source.framePts.slice(0, 39))
    expect(numbers).toEqual(Array.from({ length: 39 }, (_, i) => i))
  })

  test("a file that was cut off has the frames up to there", async () => {
    const bytes = await readFile(await makeVideo({ frames: 60, bFrames: 0, name: "whole.mkv" }))
    const { numbers } = await run(
      allNumbers(await written("cut-off.mkv", bytes.subarray(0, bytes.length * 0.6))),
    )
    expect(numbers.length).toBeGreaterThan(10)
    expect(numbers.length).toBeLessThan(60)
    expect(numbers).toEqual(numbers.map((_, i) => i))
  })

  test("DecodeFailed: the file was replaced after it was probed", async () => {
    const long = await makeVideo({ frames: 60 })
    const short = await makeVideo({ frames: 6 })
    const failure = await run(
      Effect.gen(function* () {
        const decoder = yield* VideoDecoder
        const source = { ...(yield* decoder.probe(long)), file: short }
        const times = [0, secondsOf(source, source.framePts[59] ?? 0)]
        return yield* Effect.flip(
          Stream.runDrain(
            decoder.frames(source, indicesAt(source, times), { output: { format: "JPEG", quality: 90 } }),
          ),
        )
      }),
    )
    expect(failure.reason).toBe("DecodeFailed")
    expect(failure.message).toContain(short)
  })
})
