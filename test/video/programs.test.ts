import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect, Stream } from "effect"
import { VideoDecoder } from "../../src/video/VideoDecoder.ts"
import { makeVideo, type VideoSpec } from "../support/media.ts"
import { firstPicture, hasPrograms, toldStreams, toldTimes } from "../support/truth/program.ts"
import { psnr } from "../support/truth.ts"
import { run } from "./video-layers.ts"

setDefaultTimeout(60_000)

const uneven = Array.from({ length: 40 }, (_, i) => i * 40 + ((i * i * 7) % 31))

const probe = (file: string) => run(Effect.flatMap(VideoDecoder, (decoder) => decoder.probe(file)))

const films: Record<string, VideoSpec> = {
  "H.264 with B-frames": {},
  "a variable frame rate": { timeBase: [1, 1000], pts: uneven },
  "a late start in MPEG-TS": { name: "video.ts", pts: uneven.map((ms) => ms + 5000), timeBase: [1, 1000] },
  "VP9 in WebM": { codec: "vp9", name: "video.webm" },
  "a second, smaller stream before it": { decoy: true },
  "sound before it": { audio: true, audioFirst: true },
  "a cover": { cover: true },
}

describe.skipIf(!hasPrograms)("what ffprobe and ffmpeg say of a video is what is found in it", () => {
  for (const [name, spec] of Object.entries(films))
    test(`the stream and the times of its frames: ${name}`, async () => {
      const file = await makeVideo(spec)
      const source = await probe(file)
      const pictures = (await toldStreams(file)).filter(
        ({ codec_type, disposition }) => codec_type === "video" && disposition.attached_pic === 0,
      )
      const marked = pictures.filter(({ disposition }) => disposition.default === 1)
      expect([(marked[0] ?? pictures[0])?.index]).toEqual([source.streamIndex])
      expect(await toldTimes(file, source.streamIndex)).toEqual([...source.framePts])
    })

  test.each([90, 180, 270] as const)("rotation by %p degrees", async (rotation) => {
    const file = await makeVideo({ rotation, frames: 3 })
    const [stream] = await toldStreams(file)
    const told = stream?.side_data_list?.find((data) => data.rotation !== undefined)?.rotation ?? 0
    // ffprobe counts anticlockwise.
    expect((await probe(file)).rotationDegrees).toBe(((360 - told) % 360) as 90)
  })

  test.each([
    ["not tagged", {}],
    ["full range", { pixelFormat: "yuvj420p" }],
    ["BT.709 in the container alone", { colour: true }],
    ["rotated", { rotation: 90 }],
  ] satisfies ReadonlyArray<[string, VideoSpec]>)("the colours of a picture: %s", async (_, spec) => {
    const file = await makeVideo({ frames: 3, ...spec })
    const [ours, theirs] = await run(
      Effect.gen(function* () {
        const decoder = yield* VideoDecoder
        const source = yield* decoder.probe(file)
        const given = yield* Stream.runCollect(decoder.frames(source, [0], { output: { format: "BGRA" } }))
        const told = yield* Effect.promise(() => firstPicture(file, source.streamIndex))
        return [[...given][0]?.data ?? new Uint8Array(), told] as const
      }),
    )
    expect(psnr(ours, theirs)).toBeGreaterThan(35)
  })
})
