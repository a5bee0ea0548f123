import { patternInput } from "../pattern.ts"
import { encode } from "../tools.ts"
import { drawn, h264, h264Simple, withTone } from "./bases.ts"
import type { CampaignFile } from "./file.ts"
import { odd } from "./odd-pictures.ts"

/** Frames at times that an expression gives, in ticks of a millisecond; `N` is the frame's number. */
const timed = (expression: string, args: ReadonlyArray<string>): CampaignFile["make"] =>
  drawn([
    ...["-vf", `settb=1/1000,setpts=${expression}`, "-fps_mode", "passthrough", "-enc_time_base", "1:1000"],
    ...args,
  ])

const rated = (rate: number, frames = 36, args = h264) => drawn(args, { rate, frames })

const times: ReadonlyArray<CampaignFile> = [
  odd("one-frame.mp4", drawn(h264, { frames: 1 })),
  odd("two-frames.mkv", drawn(h264, { frames: 2 })),
  odd("three-frames.avi", drawn(["-c:v", "mpeg4", "-q:v", "2"], { frames: 3 })),
  odd("five-frames.mp4", drawn(h264, { frames: 5 })),
  odd("six-frames-uneven.mkv", timed("'if(lt(N,5),N*10,5000)'", h264Simple)),
  odd("seven-frames.webm", drawn(["-c:v", "libvpx", "-b:v", "2M"], { frames: 7 })),
  odd("rate-1.mp4", rated(1)),
  odd("rate-0.1.mkv", rated(0.1, 12)),
  odd("rate-29.97.mp4", rated(30_000 / 1001)),
  odd("rate-240.mp4", rated(240, 48)),
  odd("rate-1000.mkv", rated(1000)),
  odd("rate-100000.mp4", rated(100_000)),
  odd("rate-1000000.mov", drawn([...h264Simple, "-video_track_timescale", "1000000"], { rate: 1e6 })),
  odd("rate-none.mkv", timed("N*N*3", h264Simple)),
  odd("uneven.mp4", timed("'N*40+mod(N*N*7\\,31)'", h264)),
  odd("uneven-b.mkv", timed("'N*40+mod(N*N*7\\,31)'", [...h264, "-bf", "3"])),
  odd("uneven.webm", timed("'N*33+mod(N*5\\,17)'", ["-c:v", "libvpx-vp9", "-b:v", "1M", "-cpu-used", "8"])),
  odd("hour-apart.mkv", timed("N*3600000", h264Simple)),
  odd("gap.mp4", timed("'N*40+if(gt(N,20),600000,0)'", h264)),
  odd("late-start.mkv", timed("N*40+5000000", h264)),
  odd("late-start.mp4", drawn([...h264, "-output_ts_offset", "1000"])),
  odd("before-zero.mkv", drawn([...h264, "-output_ts_offset", "-0.5", "-avoid_negative_ts", "disabled"])),
  odd("before-zero.mp4", drawn([...h264, "-output_ts_offset", "-0.5", "-avoid_negative_ts", "disabled"])),
  odd("wraps.ts", drawn([...h264, "-output_ts_offset", "95442.7"])),
  odd("timescale-1e9.mp4", drawn([...h264, "-video_track_timescale", "1000000000"])),
  odd("timescale-24.mp4", drawn([...h264Simple, "-video_track_timescale", "24"])),
  odd("equal-times.mkv", timed("floor(N/2)*80", ["-c:v", "ffv1", "-pix_fmt", "yuv420p"])),
  odd("one-gop.mp4", drawn([...h264, "-g", "500"])),
  odd("only-key-frames.mp4", drawn([...h264, "-g", "1"])),
  odd("intra-refresh.mp4", drawn([...h264, "-bf", "0", "-x264-params", "intra-refresh=1:keyint=12"])),
  odd(
    "many-references.mkv",
    drawn([...h264, "-refs", "8", "-bf", "8", "-g", "36", "-x264-params", "b-pyramid=normal"]),
  ),
]

const two = [...patternInput(), ...patternInput({ width: 64, height: 48 })]
const steady = ["-threads", "1", "-fflags", "+bitexact"]

/** A video of one size, then of another, in one stream. */
const changingSize = async (path: string): Promise<void> => {
  const parts = [`${path}.a`, `${path}.b`]
  await drawn([...h264Simple, "-f", "h264"])(parts[0] ?? path)
  await drawn([...h264Simple, "-f", "h264"], { width: 96, height: 64 })(parts[1] ?? path)
  const bytes = await Promise.all(parts.map((part) => Bun.file(part).bytes()))
  await Bun.write(`${path}.h264`, Buffer.concat(bytes))
  await encode(["-f", "h264", "-r", "24", "-i", `${path}.h264`, "-c", "copy", ...steady], path)
}

const streams: ReadonlyArray<CampaignFile> = [
  odd("sound.mp4", withTone([...h264, "-c:a", "aac", "-shortest"])),
  odd("sound-first.mkv", withTone(["-map", "1", "-map", "0", ...h264, "-c:a", "aac", "-shortest"])),
  odd("long-sound.mp4", withTone([...h264, "-c:a", "aac", "-af", "apad=whole_dur=4"])),
  odd("only-sound.mp4", (path) => encode(["-f", "lavfi", "-i", "sine=d=2", "-c:a", "aac"], path)),
  odd("cover-only.mp4", (path) =>
    encode(
      [
        ...["-f", "lavfi", "-i", "sine=d=2", ...patternInput({ frames: 1 }), "-map", "0", "-map", "1"],
        ...["-c:a", "aac", "-c:v", "mjpeg", "-disposition:v:0", "attached_pic"],
      ],
      path,
    ),
  ),
  odd("cover-first.mp4", (path) =>
    encode(
      [
        ...[
          ...patternInput({ frames: 1, width: 64, height: 64 }),
          ...patternInput(),
          "-map",
          "0",
          "-map",
          "1",
          ...steady,
        ],
        ...[
          "-c:v:0",
          "mjpeg",
          "-disposition:v:0",
          "attached_pic",
          "-c:v:1",
          "libx264",
          "-pix_fmt:v:1",
          "yuv420p",
        ],
      ],
      path,
    ),
  ),
  odd("two-videos.mp4", (path) => encode([...two, "-map", "0", "-map", "1", ...h264, ...steady], path)),
  odd("small-video-default.mkv", (path) =>
    encode(
      [
        ...[...two, "-map", "0", "-map", "1", ...h264, ...steady],
        ...["-disposition:v:0", "0", "-disposition:v:1", "default"],
      ],
      path,
    ),
  ),
  odd("three-videos.ts", (path) =>
    encode(
      [
        ...two,
        ...patternInput({ width: 32, height: 32 }),
        ...[0, 1, 2].flatMap((i) => ["-map", `${i}`]),
        ...h264,
        ...steady,
      ],
      path,
    ),
  ),
  odd("subtitles.mkv", async (path) => {
    await Bun.write(
      `${path}.srt`,
      "1\n00:00:00,000 --> 00:00:01,000\nA bowl\n\n2\n00:00:01,000 --> 00:00:09,000\nA cup\n",
    )
    await encode([...patternInput(), "-i", `${path}.srt`, ...h264, "-c:s", "srt", ...steady], path)
  }),
  odd("size-changes.mp4", changingSize),
  odd("size-changes.mkv", changingSize),
  odd("chapters.mp4", async (path) => {
    await Bun.write(
      `${path}.txt`,
      ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=900\ntitle=\u001b[31mred\n",
    )
    await encode(
      [...patternInput(), "-i", `${path}.txt`, "-map_metadata", "1", ...h264, "-threads", "1"],
      path,
    )
  }),
  odd("timecode.mov", drawn([...h264Simple, "-timecode", "01:00:00:00"])),
]

export const oddTimes = [...times, ...streams]
