import { readFileSync, rmSync } from "node:fs"
import { basename, join } from "node:path"
import type { Segment } from "../../../src/dataset/records.ts"
import { ptsSeconds } from "../../../src/video/VideoDecoder.ts"
import { likeness, picturesIn, type Size } from "./likeness.ts"
import { orientationIn } from "./orientation.ts"
import { probeFrames, ratio } from "./probe.ts"
import { runTool } from "./tools.ts"
import { comparedSize, scaled, shownInOrder, type Truth } from "./truth.ts"

/** Least likeness of a clip's frame to the source's, in dB: what encoding at the default quality leaves. */
const LEAST_LIKENESS = 30
/** How far a clip's times may be from the source's, in seconds: a tick of the coarsest clip. */
const LARGEST_SHIFT = 2e-4

/** The upper left part of a picture. */
const cropped = (picture: Uint8Array, [width]: Size, [toWidth, toHeight]: Size): Uint8Array => {
  if (width === toWidth) return picture.subarray(0, toWidth * toHeight * 3)
  const rows = Array.from({ length: toHeight }, (_, y) =>
    picture.subarray(y * width * 3, (y * width + toWidth) * 3),
  )
  return Buffer.concat(rows)
}

/** Whether a clip may have this size: odd sides lose a row or a column where chroma asks for it. */
const isSizeOf = ([width, height]: Size, [fromWidth, fromHeight]: Size): boolean =>
  [fromWidth - width, fromHeight - height].every((lost) => lost === 0 || lost === 1)

/** A clip as a player sees it. */
export interface DecodedClip {
  readonly name: string
  readonly segment: Segment
  readonly stream: NonNullable<Awaited<ReturnType<typeof probeFrames>>["stream"]>
  readonly framePts: ReadonlyArray<number>
  /** Size in which its frames are compared. */
  readonly size: Size
  /** As coded, RGB. */
  readonly frames: ReadonlyArray<Uint8Array>
}

/** Frames of clips: all clips in one run of `ffmpeg`. */
const framesOf = async (dir: string, clips: ReadonlyArray<Omit<DecodedClip, "frames">>) => {
  const outputs = clips.map((_, i) => join(dir, `frames-${i}.rgb`))
  await runTool("ffmpeg", [
    ...["-v", "quiet", "-nostdin", "-y"],
    ...clips.flatMap(({ segment }) => ["-noautorotate", "-i", `file:${join(dir, segment.clip_relpath)}`]),
    ...clips.flatMap(({ size }, i) => [
      ...["-map", `${i}:v:0`, "-vf", `${scaled(size)},format=rgb24`],
      ...["-fps_mode", "passthrough", "-f", "rawvideo", `file:${outputs[i]}`],
    ]),
  ])
  return clips.map(({ size }, i) => {
    const output = outputs[i] ?? ""
    try {
      return picturesIn(readFileSync(output), size)
    } catch {
      // One that cannot be opened ends the run for all.
      return []
    } finally {
      rmSync(output, { force: true })
    }
  })
}

/** Positions in the decode of the frames that a clip has to show, in order of presentation. */
const wantedBy = ({ clip_first_pts, end_pts }: Segment, truth: Truth): ReadonlyArray<number> =>
  shownInOrder(truth).filter((at) => {
    const pts = truth.framePts[at] ?? Number.NaN
    return pts >= clip_first_pts && pts < end_pts
  })

/**
 * What of a clip is not as in the source: how many frames, when, and each of them.
 *
 * @param damaged seconds of the frames of which the record says that they are damaged
 */
export const clipProblems = (
  { name, segment, stream, framePts, size, frames }: DecodedClip,
  truth: Truth,
  damaged: ReadonlyArray<number> = [],
): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const wanted = wantedBy(segment, truth)
  if (segment.clip_frames !== wanted.length)
    problems.push(`${name}: ${segment.clip_frames} frames on record, ${wanted.length} in the source`)
  if (frames.length !== segment.clip_frames)
    problems.push(`${name}: ${frames.length} frames decode of ${segment.clip_frames} on record`)
  const { degrees, mirrored } = orientationIn(stream.side_data_list)
  if (degrees !== truth.orientation.degrees || mirrored !== truth.orientation.mirrored)
    problems.push(`${name}: shown turned by ${degrees} degrees instead of ${truth.orientation.degrees}`)
  const { num, den } = ratio(stream.time_base)
  const start = truth.framePts[wanted[0] ?? 0] ?? 0
  for (const [i, at] of wanted.entries()) {
    const [frame, source] = [frames[i], truth.coded[at]]
    if (frame === undefined || source === undefined) break
    const like = likeness(frame, cropped(source, comparedSize(truth.codedSize), size), size)
    const isTold = damaged.includes(ptsSeconds(truth.framePts[at] ?? Number.NaN, truth.timeBase))
    if (like < LEAST_LIKENESS && !isTold)
      problems.push(`${name}: frame ${i} is ${like.toFixed(1)} dB from frame ${at}`)
    const seconds = (((framePts[i] ?? Number.NaN) - (framePts[0] ?? 0)) * num) / den
    const wantedSeconds = (((truth.framePts[at] ?? 0) - start) * truth.timeBase.num) / truth.timeBase.den
    if (!(Math.abs(seconds - wantedSeconds) <= LARGEST_SHIFT))
      problems.push(
        `${name}: frame ${i} is shown at ${seconds.toFixed(4)} s instead of ${wantedSeconds.toFixed(4)} s`,
      )
  }
  return problems
}

/** Decodes the clips of a folder. What cannot be compared, because it is no video of the source's size, is a problem. */
export const decodeClips = async (
  dir: string,
  segments: ReadonlyArray<Segment>,
  { codedSize, frameSizes }: Truth,
): Promise<{ readonly clips: ReadonlyArray<DecodedClip>; readonly problems: ReadonlyArray<string> }> => {
  const problems: Array<string> = []
  const clips: Array<Omit<DecodedClip, "frames">> = []
  for (const segment of segments) {
    const name = basename(segment.clip_relpath)
    const { stream, framePts } = await probeFrames(join(dir, segment.clip_relpath), "v:0")
    if (stream === undefined) {
      problems.push(`${name}: no video`)
      continue
    }
    const coded: Size = [stream.width, stream.height]
    const isLarge = comparedSize(codedSize).join() !== codedSize.join()
    // A clip of a part that has another size has that size.
    const isOther = !isSizeOf(coded, codedSize) && frameSizes.has(coded.join("x"))
    if (isOther || isSizeOf(coded, codedSize))
      clips.push({
        name,
        segment,
        stream,
        framePts,
        size: isLarge || isOther ? comparedSize(codedSize) : coded,
      })
    else problems.push(`${name}: ${coded.join("x")} instead of ${codedSize.join("x")}`)
  }
  const frames = await framesOf(dir, clips)
  return { clips: clips.map((clip, i) => ({ ...clip, frames: frames[i] ?? [] })), problems }
}
