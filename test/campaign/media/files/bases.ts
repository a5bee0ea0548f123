import { type Pattern, patternInput } from "../pattern.ts"
import { encode } from "../tools.ts"

/** A whole video of the campaign's pattern, made by `ffmpeg`: what is mutated. */
export interface Base {
  /** Tells container and codec; ends as the file does. */
  readonly key: string
  readonly make: (path: string) => Promise<void>
}

/** Output arguments that give the same bytes every time. */
const steady = ["-threads", "1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1"]

/** Writes the pattern in the way that these output arguments say. */
export const drawn =
  (args: ReadonlyArray<string>, pattern: Partial<Pattern> = {}) =>
  (path: string): Promise<void> =>
    encode([...patternInput(pattern), ...steady, ...args], path)

/** The same with a tone beside it. */
export const withTone =
  (args: ReadonlyArray<string>) =>
  (path: string): Promise<void> =>
    encode(
      [...patternInput(), "-f", "lavfi", "-i", "sine=d=1.5", ...steady, "-flags:a", "+bitexact", ...args],
      path,
    )

export const h264 = [
  ...["-c:v", "libx264", "-preset", "veryfast", "-crf", "16", "-pix_fmt", "yuv420p", "-g", "9", "-bf", "2"],
]
export const h264Simple = [...h264, "-bf", "0"]
const hevc = [
  ...["-c:v", "libx265", "-preset", "ultrafast", "-crf", "16", "-pix_fmt", "yuv420p"],
  ...["-x265-params", "log-level=none:keyint=9:pools=1:frame-threads=1"],
]
const mpeg4 = ["-c:v", "mpeg4", "-q:v", "2", "-g", "9"]

export const bases: ReadonlyArray<Base> = [
  { key: "h264.mp4", make: drawn(h264) },
  { key: "h264-faststart.mp4", make: drawn([...h264, "-movflags", "+faststart"]) },
  { key: "h264-fragmented.mp4", make: drawn([...h264, "-movflags", "+frag_keyframe+empty_moov"]) },
  { key: "h264-open-gop.mp4", make: drawn([...h264, "-x264-params", "open-gop=1:keyint=9"]) },
  { key: "h264-audio.mp4", make: withTone([...h264, "-c:a", "aac", "-shortest"]) },
  { key: "h264-simple.mov", make: drawn(h264Simple) },
  { key: "hevc.mp4", make: drawn([...hevc, "-tag:v", "hvc1"]) },
  { key: "mpeg4.mp4", make: drawn([...mpeg4, "-bf", "2"]) },
  { key: "mjpeg.mov", make: drawn(["-c:v", "mjpeg", "-q:v", "2"]) },
  { key: "prores.mov", make: drawn(["-c:v", "prores_ks", "-pix_fmt", "yuv422p10le"]) },
  { key: "h264.mkv", make: drawn(h264) },
  { key: "h264-anamorphic.mkv", make: drawn([...h264, "-vf", "setsar=4/3"]) },
  { key: "hevc.mkv", make: drawn(hevc) },
  { key: "ffv1.mkv", make: drawn(["-c:v", "ffv1", "-pix_fmt", "yuv444p"]) },
  { key: "vp8.webm", make: drawn(["-c:v", "libvpx", "-b:v", "2M", "-g", "9", "-auto-alt-ref", "1"]) },
  { key: "vp9.webm", make: drawn(["-c:v", "libvpx-vp9", "-b:v", "1M", "-g", "9", "-cpu-used", "8"]) },
  { key: "av1.mkv", make: drawn(["-c:v", "libaom-av1", "-cpu-used", "8", "-crf", "20", "-g", "9"]) },
  { key: "mpeg4.avi", make: drawn([...mpeg4, "-bf", "0"]) },
  { key: "mpeg4-b.avi", make: drawn([...mpeg4, "-bf", "2"]) },
  { key: "msmpeg4.avi", make: drawn(["-c:v", "msmpeg4", "-q:v", "2", "-g", "9"]) },
  { key: "h264.avi", make: drawn(h264Simple) },
  { key: "mjpeg.avi", make: drawn(["-c:v", "mjpeg", "-q:v", "2"]) },
  { key: "h264.ts", make: drawn(h264) },
  { key: "h264-audio.ts", make: withTone([...h264, "-c:a", "aac", "-shortest"]) },
  { key: "hevc.ts", make: drawn(hevc) },
  { key: "mpeg2.ts", make: drawn(["-c:v", "mpeg2video", "-q:v", "2", "-g", "9", "-bf", "2"]) },
  { key: "mpeg2.mpg", make: drawn(["-c:v", "mpeg2video", "-q:v", "2", "-g", "9", "-bf", "2", "-f", "vob"]) },
  { key: "wmv2.wmv", make: drawn(["-c:v", "wmv2", "-q:v", "2", "-g", "9"]) },
  { key: "flv1.flv", make: drawn(["-c:v", "flv1", "-q:v", "2", "-g", "9"]) },
  { key: "theora.ogv", make: drawn(["-c:v", "libtheora", "-q:v", "9", "-g", "9"]) },
]
