import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { runFolder } from "../support/folders.ts"
import { makeJoinedVideo } from "../support/joined.ts"
import { makeVideo, type VideoSpec } from "../support/media.ts"

/** One file of the contract suite. */
export interface MediaCase {
  readonly make: () => Promise<string>
  /** Frames that decode. */
  readonly frames: number
  /** Codec as the source names it. */
  readonly codec: string
  /** PTS of the first frame in seconds, where it is not 0. */
  readonly startSeconds?: number
  /** Size as shown. */
  readonly size?: readonly [number, number]
}

const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, i) => i + from)
/** Uneven distances, as a phone records them. */
const uneven = upTo(40).map((i) => i * 40 + ((i * i * 7) % 31))

const written = (spec: VideoSpec, codec: string, more: Partial<MediaCase> = {}): MediaCase => ({
  make: () => makeVideo(spec),
  frames: spec.pts?.length ?? spec.frames ?? 48,
  codec,
  ...more,
})

/** Offset of an MP4 box's header. */
const boxAt = (bytes: Buffer, type: string) => bytes.indexOf(type, 0, "latin1") - 4

/** A copy of a video, its bytes changed. */
const changed = async (spec: VideoSpec, name: string, change: (bytes: Buffer) => void): Promise<string> => {
  const bytes = Buffer.from(await readFile(await makeVideo(spec)))
  change(bytes)
  const file = join(runFolder(), name)
  await writeFile(file, bytes)
  return file
}

/** An edit list that begins 10 frames later: the first pictures are decoded, but not shown. */
const beginLater = (bytes: Buffer): void => {
  const entry = boxAt(bytes, "elst") + 16
  const ticksPerFrame = bytes.readUInt32BE(boxAt(bytes, "stts") + 20)
  const mediaTime = entry + 4
  bytes.writeInt32BE(bytes.readInt32BE(mediaTime) + 10 * ticksPerFrame, mediaTime)
}

/** Presentation times six frames earlier, and no edit list that hides what is before zero: the first is the fourth before it. */
const beginBeforeZero = (bytes: Buffer): void => {
  const ticksPerFrame = bytes.readUInt32BE(boxAt(bytes, "stts") + 20)
  const offsets = boxAt(bytes, "ctts")
  // Version 1: offsets may be negative.
  bytes[offsets + 8] = 1
  const entries = bytes.readUInt32BE(offsets + 12)
  for (let i = 0, at = offsets + 20; i < entries; i++, at += 8)
    bytes.writeInt32BE(bytes.readInt32BE(at) - 6 * ticksPerFrame, at)
  bytes.write("free", boxAt(bytes, "edts") + 4, "latin1")
}

/** Noise in the middle of some pictures: they decode to something else, or not at all. */
const damage = (bytes: Buffer): void => {
  const media = boxAt(bytes, "mdat")
  const length = bytes.readUInt32BE(media)
  for (const part of [0.3, 0.5, 0.7]) {
    const at = media + Math.floor(length * part)
    for (let i = 0; i < 40; i++) bytes[at + i] = (i * 151 + 17) & 0xff
  }
}

/** Every kind of file that a backend has to read; those that it cannot are in the backend's expectations. */
export const mediaCases: Readonly<Record<string, MediaCase>> = {
  "H.264 with B-frames": written({}, "h264"),
  "H.264 with a B-pyramid": written({ bFrames: 5, pyramid: true, frames: 90, keyframeEvery: 30 }, "h264"),
  "H.264 with open GOPs": written({ bFrames: 3, openGop: true, frames: 90, keyframeEvery: 15 }, "h264"),
  "H.264 with one long GOP": written({ frames: 120, keyframeEvery: 500 }, "h264"),
  "H.264 with ten bits": written({ pixelFormat: "yuv420p10le" }, "h264"),
  "H.264 of full range": written({ pixelFormat: "yuvj420p" }, "h264"),
  "H.264 interlaced": written({ interlaced: true }, "h264"),
  "H.264 of variable frame rate": written({ timeBase: [1, 1000], pts: uneven }, "h264"),
  "H.264 in Matroska, which does not count frames": written({ name: "video.mkv" }, "h264"),
  "H.264 in a fragmented MP4": written(
    { container: { movflags: "frag_keyframe+empty_moov+default_base_moof" } },
    "h264",
    // Without an edit list the first picture waits for the decoder's two.
    { startSeconds: 2 / 24 },
  ),
  "H.264 with two codec headers in one track": {
    make: () => makeJoinedVideo({ keyframeEvery: 24 }),
    frames: 96,
    codec: "h264",
  },
  "H.264 in MPEG-TS": written({ name: "video.ts" }, "h264", { startSeconds: 2 / 24 }),
  "H.264 in AVI, which has no presentation times": written({ name: "video.avi" }, "h264", {
    startSeconds: 2 / 24,
  }),
  HEVC: written({ codec: "hevc", frames: 60 }, "hevc"),
  VP8: written({ codec: "vp8", name: "video.webm" }, "vp8"),
  VP9: written({ codec: "vp9", name: "video.webm" }, "vp9"),
  AV1: written({ codec: "av1", name: "video.mkv" }, "av1"),
  "MPEG-4 in AVI": written({ codec: "mpeg4", name: "video.avi" }, "mpeg4"),
  "MPEG-4 with B-frames in AVI": written({ codec: "mpeg4", name: "video.avi", bFrames: 2 }, "mpeg4", {
    startSeconds: 1 / 24,
  }),
  "MS-MPEG-4 in AVI": written({ codec: "msmpeg4v3", name: "video.avi" }, "msmpeg4v3"),
  "rotated by 90 degrees": written({ rotation: 90 }, "h264", { size: [120, 160] }),
  "rotated by 270 degrees and mirrored": written({ rotation: 270, mirrored: true }, "h264", {
    size: [120, 160],
  }),
  "an odd size": written({ width: 161, height: 121, codec: "ffv1", name: "odd.mkv" }, "ffv1", {
    size: [161, 121],
  }),
  "pixels that are not square": written({ aspect: [4, 3] }, "h264", { size: [213, 120] }),
  "a start before zero": {
    make: () => changed({}, "before.mp4", beginBeforeZero),
    frames: 48,
    codec: "h264",
    startSeconds: -4 / 24,
  },
  "a start after zero": written({ pts: upTo(30, 25), name: "late.mkv" }, "h264", { startSeconds: 1.042 }),
  "an edit list": {
    make: () => changed({ bFrames: 0 }, "edited.mp4", beginLater),
    frames: 38,
    codec: "h264",
  },
  "one frame": written({ frames: 1 }, "h264"),
  "two frames": written({ frames: 2 }, "h264"),
  "sound first": written({ audio: true, audioFirst: true }, "h264"),
  "several picture streams": written({ decoy: true }, "h264"),
  "damaged pictures": {
    make: () => changed({ frames: 96, bFrames: 0 }, "damaged.mp4", damage),
    frames: 96,
    codec: "h264",
  },
}
