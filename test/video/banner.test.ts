import { expect, test } from "bun:test"
import { readBanner } from "../../src/video/ffmpeg/banner.ts"
import { pickVideoStream } from "../../src/video/ffprobe/media-info.ts"

const phone = `ffmpeg version 5.1.9 Copyright (c) 2000-2026 the FFmpeg developers
Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:/videos/phone.mov':
  Duration: 00:00:01.92, start: 0.000000, bitrate: 64 kb/s
  Stream #0:0[0x1](und): Audio: aac (LC) (mp4a / 0x6134706D), 44100 Hz, mono, fltp, 69 kb/s (default)
  Stream #0:1[0x2](und): Video: h264 (High), 1 reference frame (avc1 / 0x31637661), yuv420p(tv, bt709, progressive, left), 568x320 (576x320) [SAR 4:3 DAR 71:30], 1 kb/s, 29.97 fps, 29.97 tbr, 600 tbn (default)
    Metadata:
      handler_name    : Core Media Video
    Side data:
      displaymatrix: rotation of -90.00 degrees
At least one output file must be specified
`

test("what ffmpeg prints of a file is enough where there is no ffprobe", () => {
  const info = readBanner("phone.mov", phone)
  expect(info.container).toBe("mov,mp4,m4a,3gp,3g2,mj2")
  expect(pickVideoStream("phone.mov", info)).toMatchObject({
    index: 1,
    codec: "h264",
    width: 568,
    height: 320,
    timeBase: { num: 1, den: 600 },
    chroma: { x: 0, y: 128 },
    averageRate: { num: 29_970, den: 1000 },
    pixelAspect: { num: 4, den: 3 },
    orientation: { rotationDegrees: 90, mirrored: false },
  })
})

test("a file that ffmpeg cannot open is not a video", () => {
  const text = "file:/notes.mp4: Invalid data found when processing input\n"
  expect(() => readBanner("notes.mp4", text)).toThrow("Invalid data found")
})
