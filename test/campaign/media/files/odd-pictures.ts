import { rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import type { Pattern } from "../pattern.ts"
import { encode } from "../tools.ts"
import { drawn, h264, h264Simple } from "./bases.ts"
import type { CampaignFile } from "./file.ts"

/** A file that is odd without being damaged; named by what is odd about it, ending as the file does. */
export const odd = (
  key: string,
  make: CampaignFile["make"],
  name = `video${/\.[^.]*$/u.exec(key)?.[0] ?? ""}`,
) => ({ id: `odd-${key}`, kind: "odd", name, make }) satisfies CampaignFile

const lossless = ["-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-g", "9"]
const ffv1 = (format: string) => ["-c:v", "ffv1", "-pix_fmt", format]
const raw = (format: string) => ["-c:v", "rawvideo", "-pix_fmt", format]
const x264 = (format: string) => [
  "-c:v",
  "libx264",
  "-preset",
  "ultrafast",
  "-crf",
  "12",
  "-g",
  "9",
  "-pix_fmt",
  format,
]
const x265 = (format: string) => [
  ...["-c:v", "libx265", "-preset", "ultrafast", "-crf", "12", "-pix_fmt", format],
  ...["-x265-params", "log-level=none:keyint=9:pools=1:frame-threads=1"],
]
/** Fast enough for pictures of many megapixels. */
const coarse = (format: string) => [
  "-c:v",
  "libx264",
  "-preset",
  "ultrafast",
  "-crf",
  "36",
  "-pix_fmt",
  format,
]
const prores = (format: string) => ["-c:v", "prores_ks", "-pix_fmt", format]

const size = (width: number, height: number, frames = 36): Partial<Pattern> => ({ width, height, frames })

/** A video of few but vast pictures: its runs may take longer, in proportion to what there is of it beyond four megapixels. */
const vast = (
  key: string,
  args: ReadonlyArray<string>,
  [width, height]: readonly [number, number],
): CampaignFile => ({
  ...odd(key, drawn(args, size(width, height, 6))),
  timesAsLong: Math.ceil((width * height) / 2 ** 22),
})

const sizes: ReadonlyArray<CampaignFile> = [
  odd("1x1.mkv", drawn(ffv1("yuv444p"), size(1, 1))),
  odd("1x1-gray.avi", drawn(raw("bgr24"), size(1, 1))),
  odd("2x2.mp4", drawn(x264("yuv420p"), size(2, 2))),
  odd("1x96.mkv", drawn(ffv1("yuv420p"), size(1, 96))),
  odd("128x1.mkv", drawn(ffv1("yuv422p"), size(128, 1))),
  odd("17x13.mp4", drawn(x264("yuv444p"), size(17, 13))),
  odd("odd-sides.mkv", drawn(ffv1("yuv420p"), size(161, 121))),
  odd(
    "odd-sides.webm",
    drawn(["-c:v", "libvpx-vp9", "-b:v", "1M", "-cpu-used", "8", "-g", "9"], size(97, 75)),
  ),
  odd("odd-sides-444.mp4", drawn(x264("yuv444p"), size(97, 75))),
  odd("odd-sides.mov", drawn(prores("yuv422p10le"), size(131, 75))),
  odd("odd-sides.avi", drawn(["-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj422p"], size(99, 77))),
  odd("2x8192.mp4", drawn(x264("yuv420p"), size(2, 8192, 12))),
  odd("8192x2.mkv", drawn(ffv1("yuv420p"), size(8192, 2, 12))),
  odd("16x4096.mp4", drawn(x264("yuv420p"), size(16, 4096, 12))),
  vast("8192x8192.mp4", coarse("yuv420p"), [8192, 8192]),
  vast("8192x8192-444.mp4", coarse("yuv444p"), [8192, 8192]),
  vast("8192x4096-10.mp4", coarse("yuv420p10le"), [8192, 4096]),
  vast("8192x4096-422.mp4", coarse("yuv422p"), [8192, 4096]),
  vast("8192x4096-alpha.mov", [...prores("yuva444p10le"), "-profile:v", "4444"], [8192, 4096]),
  vast("8192x4096-references.mp4", [...coarse("yuv420p"), "-refs", "16"], [8192, 4096]),
  vast("7680x4320.mp4", [...coarse("yuv420p"), "-refs", "3", "-bf", "2"], [7680, 4320]),
  vast(
    "7680x4320.webm",
    ["-c:v", "libvpx-vp9", "-b:v", "2M", "-deadline", "realtime", "-cpu-used", "8"],
    [7680, 4320],
  ),
  vast("8192x4096-10-hevc.mp4", x265("yuv420p10le"), [8192, 4096]),
  vast("8192x4096.avi", ["-c:v", "mjpeg", "-q:v", "9", "-pix_fmt", "yuvj422p"], [8192, 4096]),
  vast("8000x6000.mkv", ["-c:v", "mpeg4", "-q:v", "4"], [8000, 6000]),
  vast("4096x2160.mp4", coarse("yuv420p"), [4096, 2160]),
  odd("9000x9000.avi", drawn(["-c:v", "mjpeg", "-q:v", "9"], size(9000, 9000, 1))),
]

const formats: ReadonlyArray<CampaignFile> = [
  odd("gray.mp4", drawn(x264("gray"))),
  odd("gray10.mkv", drawn(ffv1("gray10le"))),
  odd("gray16.mkv", drawn(ffv1("gray16le"))),
  odd("yuv410.mkv", drawn(ffv1("yuv410p"))),
  odd("yuv411.mkv", drawn(ffv1("yuv411p"))),
  odd("yuv440.avi", drawn(["-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj444p"])),
  odd("yuv422.mp4", drawn(x264("yuv422p"))),
  odd("yuv444.mp4", drawn(x264("yuv444p"))),
  odd("yuv420-10.mp4", drawn(x264("yuv420p10le"))),
  odd("yuv422-10.mp4", drawn(x264("yuv422p10le"))),
  odd("yuv444-10.mkv", drawn(x265("yuv444p10le"))),
  odd("yuv420-12.mp4", drawn(x265("yuv420p12le"))),
  odd("yuv444-16.mkv", drawn(ffv1("yuv444p16le"))),
  odd(
    "gbrp.mp4",
    drawn([...lossless.map((arg) => (arg === "libx264" ? "libx264rgb" : arg)), "-pix_fmt", "rgb24"]),
  ),
  odd("gbrp10.mkv", drawn(ffv1("gbrp10le"))),
  odd("gbrp-hevc.mp4", drawn(x265("gbrp"))),
  odd("bgra.mkv", drawn(ffv1("bgra"))),
  odd("yuva420.mkv", drawn(ffv1("yuva420p"))),
  odd("yuva420.webm", drawn(["-c:v", "libvpx", "-b:v", "2M", "-pix_fmt", "yuva420p", "-auto-alt-ref", "0"])),
  odd("yuva444-prores.mov", drawn([...prores("yuva444p10le"), "-profile:v", "4444"])),
  odd("rgba-png.mov", drawn(["-c:v", "png", "-pix_fmt", "rgba"])),
  odd("rgb48-png.mov", drawn(["-c:v", "png", "-pix_fmt", "rgb48be"])),
  odd("monow.avi", drawn(raw("monow"))),
  odd("bgr24-raw.avi", drawn(raw("bgr24"))),
  odd("bgr555-raw.avi", drawn(raw("rgb555le"))),
  odd("nv12-raw.mkv", drawn(raw("nv12"))),
  odd("yuyv-raw.avi", drawn(raw("yuyv422"))),
  odd("v210.mov", drawn(["-c:v", "v210", "-pix_fmt", "yuv422p10le"])),
  odd("pal8-raw.avi", drawn(["-vf", "format=rgb8,format=pal8", ...raw("pal8")])),
  odd("pal8-rle.mov", drawn(["-vf", "format=rgb8,format=pal8", "-c:v", "qtrle", "-g", "9"])),
  odd("pal8-png.mov", drawn(["-vf", "format=rgb8,format=pal8", "-c:v", "png"])),
  odd("pal8.gif", drawn(["-vf", "format=rgb8", "-f", "gif"]), "video.gif"),
  odd("apng.png", drawn(["-f", "apng"]), "video.png"),
  odd("huffyuv.avi", drawn(["-c:v", "ffvhuff", "-pix_fmt", "yuv420p"])),
  odd("utvideo.avi", drawn(["-c:v", "utvideo", "-pix_fmt", "gbrp"])),
  odd("magicyuv.avi", drawn(["-c:v", "magicyuv", "-pix_fmt", "yuv420p"])),
  odd("cinepak.avi", drawn(["-c:v", "cinepak"], { frames: 12 })),
  odd("msvideo1.avi", drawn(["-c:v", "msvideo1", "-pix_fmt", "rgb555le"])),
  odd("zmbv.avi", drawn(["-c:v", "zmbv", "-pix_fmt", "bgr0", "-g", "9"])),
  odd("svq1.mov", drawn(["-c:v", "svq1", "-pix_fmt", "yuv410p"])),
  odd("jpeg2000.mov", drawn(["-c:v", "jpeg2000", "-pix_fmt", "yuv420p"])),
  odd("dnxhr.mov", drawn(["-c:v", "dnxhd", "-profile:v", "dnxhr_hq", "-pix_fmt", "yuv422p"], size(256, 128))),
  odd(
    "dv.avi",
    drawn(["-c:v", "dvvideo", "-pix_fmt", "yuv420p"], { width: 720, height: 576, frames: 12, rate: 25 }),
  ),
  odd("h263.3gp", drawn(["-c:v", "h263", "-q:v", "2"], size(176, 144))),
  odd("mpeg1.mpg", drawn(["-c:v", "mpeg1video", "-q:v", "2", "-g", "9", "-bf", "2"])),
  odd("interlaced.mp4", drawn([...h264, "-flags", "+ildct+ilme", "-x264-params", "tff=1"])),
  odd(
    "interlaced-mpeg2.ts",
    drawn(["-c:v", "mpeg2video", "-q:v", "2", "-flags", "+ildct+ilme", "-top", "1"]),
  ),
  odd("y4m.avi", drawn(["-pix_fmt", "yuv420p", "-f", "yuv4mpegpipe"])),
  odd("raw-h264.mp4", drawn([...h264, "-f", "h264"])),
  odd("raw-hevc.mkv", drawn([...x265("yuv420p"), "-f", "hevc"])),
  odd("raw-mpeg2.mp4", drawn(["-c:v", "mpeg2video", "-q:v", "2", "-f", "mpeg2video"])),
  odd("ivf.webm", drawn(["-c:v", "libvpx", "-b:v", "2M", "-f", "ivf"])),
  odd("nut.mkv", drawn(["-c:v", "mpeg4", "-q:v", "2", "-f", "nut"])),
  odd("mxf.mov", drawn(["-c:v", "mpeg2video", "-q:v", "2", "-f", "mxf"], { rate: 25 })),
]

/** Colours that the stream's header tells of: matrix, transfer, primaries, and range. */
const coloured = (matrix: string, transfer: string, primaries: string, range = "tv") => [
  ...["-colorspace", matrix, "-color_trc", transfer, "-color_primaries", primaries, "-color_range", range],
]

const colours: ReadonlyArray<CampaignFile> = [
  odd("bt709.mp4", drawn([...h264, ...coloured("bt709", "bt709", "bt709")])),
  odd("bt709-full.mp4", drawn([...h264, ...coloured("bt709", "bt709", "bt709", "pc")])),
  odd("bt601.mp4", drawn([...h264, ...coloured("smpte170m", "smpte170m", "smpte170m")])),
  odd("bt470bg.mkv", drawn([...h264, ...coloured("bt470bg", "gamma28", "bt470bg")])),
  odd("smpte240m.mp4", drawn([...h264, ...coloured("smpte240m", "smpte240m", "smpte240m")])),
  odd("fcc.mp4", drawn([...h264, ...coloured("fcc", "gamma22", "bt470m")])),
  odd("bt2020-pq.mp4", drawn([...x265("yuv420p10le"), ...coloured("bt2020nc", "smpte2084", "bt2020")])),
  odd(
    "bt2020-hlg.mov",
    drawn([...x265("yuv420p10le"), "-tag:v", "hvc1", ...coloured("bt2020nc", "arib-std-b67", "bt2020")]),
  ),
  odd("bt2020-8-bit.mp4", drawn([...h264, ...coloured("bt2020nc", "bt2020-10", "bt2020")])),
  odd("bt2020c.mkv", drawn([...x264("yuv420p10le"), ...coloured("bt2020c", "bt2020-12", "bt2020")])),
  odd("p3.mp4", drawn([...h264, ...coloured("bt709", "iec61966-2-1", "smpte432")])),
  odd("film.mkv", drawn([...h264, ...coloured("bt709", "log100", "film")])),
  odd("xyz.mp4", drawn([...h264, ...coloured("bt709", "smpte428", "smpte428")])),
  odd("linear.mp4", drawn([...h264, ...coloured("bt709", "linear", "bt709")])),
  odd("prores-bt709.mov", drawn([...prores("yuv444p10le"), ...coloured("bt709", "bt709", "bt709")])),
  odd(
    "prores-bt2020.mov",
    drawn([...prores("yuv422p10le"), ...coloured("bt2020nc", "arib-std-b67", "bt2020")]),
  ),
  odd(
    "vp9-bt709-full.webm",
    drawn([
      "-c:v",
      "libvpx-vp9",
      "-b:v",
      "1M",
      "-cpu-used",
      "8",
      ...coloured("bt709", "bt709", "bt709", "pc"),
    ]),
  ),
  odd("rgb-full.mkv", drawn([...ffv1("gbrp"), ...coloured("rgb", "iec61966-2-1", "bt709", "pc")])),
  odd("ffv1-bt709.mkv", drawn([...ffv1("yuv422p"), ...coloured("bt709", "bt709", "bt709")])),
  odd("mpeg2-bt709.ts", drawn(["-c:v", "mpeg2video", "-q:v", "2", ...coloured("bt709", "bt709", "bt709")])),
]

/** Writes the pattern, then copies it with other marks in the container. */
const marked =
  (first: ReadonlyArray<string>, second: ReadonlyArray<string>, before: ReadonlyArray<string> = []) =>
  async (path: string): Promise<void> => {
    const plain = join(dirname(path), "plain.mp4")
    await drawn(first)(plain)
    await encode([...before, "-i", plain, "-c", "copy", "-fflags", "+bitexact", ...second], path)
    await rm(plain)
  }

const marks: ReadonlyArray<CampaignFile> = [
  ...[45, 90, 180, 270].map((degrees) =>
    odd(`rotated-${degrees}.mp4`, marked(h264Simple, ["-metadata:s:v:0", `rotate=${degrees}`])),
  ),
  odd("rotated-90-anamorphic.mp4", marked([...h264, "-aspect", "16:9"], ["-metadata:s:v:0", "rotate=90"])),
  odd("rotated-mpeg4.mov", marked(["-c:v", "mpeg4", "-q:v", "2"], ["-metadata:s:v:0", "rotate=270"])),
  ...["4/3", "1/2", "32/27", "10/1", "1/10", "1000/1", "1/1000"].map((aspect) =>
    odd(`aspect-${aspect.replace("/", "to")}.mkv`, drawn([...h264, "-vf", `setsar=${aspect}`])),
  ),
  odd("aspect-two-minds.mp4", drawn([...h264, "-vf", "setsar=2/1", "-aspect", "4:3"])),
]

export const oddPictures = [...sizes, ...formats, ...colours, ...marks]
