import { type MediaInfo, readMediaInfo } from "../ffprobe/media-info.ts"
import { notAVideo } from "../not-a-video.ts"
import { VideoFailure } from "../VideoFailure.ts"

const streamLine = /^\s+Stream #0:(\d+)(?:\[\w+\])?(?:\(\w+\))?: (Video|Audio): (\w+)(.*)$/u

/** For example `yuv420p(tv, bt709, progressive, left)`. */
const pixelFormat = /, ((?:yuv|nv|p\d|gray|gbr|[ax0]?rgb|[ax0]?bgr|x2|pal|mono)[a-z0-9]*)(?:\(([^)]*)\))?/u

/** The rows of a display matrix for a rotation that `ffmpeg` prints, counter-clockwise. */
const matrixOf = (degrees: number): string => {
  const one = 65_536
  const angle = (-degrees * Math.PI) / 180
  const [cos, sin] = [Math.round(Math.cos(angle) * one), Math.round(Math.sin(angle) * one)]
  return `00000000: ${cos} ${sin} 0\n00000001: ${-sin} ${cos} 0\n`
}

/**
 * Reads what `ffmpeg -v verbose -i` prints of a file, in the terms of `ffprobe`. It does not say whether a picture is mirrored, nor how
 * many frames a decoder holds back: with MPEG-4 the worst is assumed.
 */
export const readBanner = (file: string, text: string): MediaInfo => {
  const container = /^Input #0, (.+), from /mu.exec(text)?.[1]
  if (container === undefined)
    throw new VideoFailure("NotAVideo", notAVideo(file, text.trim().split("\n").at(-1) ?? ""))
  const streams: Array<Record<string, unknown>> = []
  for (const line of text.split("\n")) {
    const [, index, kind, codec, rest = ""] = streamLine.exec(line) ?? []
    const rotation = /displaymatrix: rotation of (-?[\d.]+) degrees/u.exec(line)?.[1]
    const last = streams.at(-1)
    if (rotation !== undefined && last !== undefined)
      last.side_data_list = [{ displaymatrix: matrixOf(Number(rotation)) }]
    if (index === undefined) continue
    const [, width, height] = /, (\d+)x(\d+)/u.exec(rest) ?? []
    const [, tbn = "1000000"] = /, ([\d.]+k?) tbn/u.exec(rest) ?? []
    const [, format = "", details = ""] = pixelFormat.exec(rest) ?? []
    const [, fps] = /, ([\d.]+) fps/u.exec(rest) ?? []
    streams.push({
      index: Number(index),
      codec_type: kind === "Video" ? "video" : "audio",
      codec_name: codec,
      width: Number(width ?? 0),
      height: Number(height ?? 0),
      has_b_frames: codec === "mpeg4" ? 1 : 0,
      pix_fmt: format,
      color_range: /\bpc\b/u.test(details) ? "pc" : "unknown",
      chroma_location: /\b(?:left|center|topleft|top|bottomleft|bottom)\b/u.exec(details)?.[0],
      sample_aspect_ratio: /\bSAR (\d+:\d+)/u.exec(rest)?.[1],
      // Rounded to thousands where it is large; the list of packets has it exactly.
      time_base: `1/${tbn.endsWith("k") ? Number(tbn.slice(0, -1)) * 1000 : tbn}`,
      ...(fps === undefined ? {} : { avg_frame_rate: `${Math.round(Number(fps) * 1000)}/1000` }),
      sample_rate: /, (\d+) Hz/u.exec(rest)?.[1] ?? "0",
      channels: kind === "Audio" ? 1 : 0,
      disposition: {
        default: rest.includes("(default)") ? 1 : 0,
        attached_pic: rest.includes("(attached pic)") ? 1 : 0,
      },
    })
  }
  return readMediaInfo(file, JSON.stringify({ streams, format: { format_name: container } }))
}
