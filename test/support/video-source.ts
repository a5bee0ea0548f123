import type { VideoSource } from "../../src/video/VideoDecoder.ts"

/** A video as a decoder tells of it, for what needs no file: upright H.264 without sound, one frame a second for ten seconds. */
export const videoSource = (changes: Partial<VideoSource> = {}): VideoSource => ({
  file: "/videos/cup.mp4",
  backend: "libav",
  sizeBytes: 1000,
  container: "mov,mp4,m4a,3gp,3g2,mj2",
  codec: "h264",
  streamIndex: 0,
  codedWidth: 64,
  codedHeight: 36,
  displayWidth: 64,
  displayHeight: 36,
  rotationDegrees: 0,
  mirrored: false,
  timeBase: { num: 1, den: 1 },
  framePts: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  endPts: 10,
  hasAudio: false,
  indexedBy: "packets",
  ...changes,
})
