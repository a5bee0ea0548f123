import { Either } from "effect"
import { background, backgroundName } from "../formats/mstcn.ts"
import type { GoldError, GoldVideo } from "../gold.ts"
import { hasOverlaps } from "../interval.ts"
import { durationOf, type GoldFile, type GoldWriter, unwritable } from "./GoldWriter.ts"

/** A name of a class: the programs that read the files split lines at white space. */
const className = (label: string): string => label.replace(/\s+/gu, "_")

/** What a label a frame cannot say. */
const problemOf = (
  { videoId, segments }: GoldVideo,
  frameOf: (seconds: number) => number,
): GoldError | undefined => {
  if (hasOverlaps(segments))
    return unwritable(videoId, "its segments overlap, and a frame has room for one label")
  const named = segments.find(({ label }) => background.has(className(label)))
  if (named !== undefined)
    return unwritable(videoId, `a segment is called ${JSON.stringify(named.label)}, which stands for nothing`)
  const fused = segments.find(({ startSec, label }, i) => {
    const before = segments[i - 1]
    return (
      before !== undefined &&
      className(before.label) === className(label) &&
      frameOf(before.endSec) === frameOf(startSec)
    )
  })
  return fused === undefined
    ? undefined
    : unwritable(
        videoId,
        `two segments in a row are called ${JSON.stringify(fused.label)}, and labels of frames would join them`,
      )
}

/** Folders of MS-TCN: `groundTruth/<video>.txt` with a label a frame, `mapping.txt`, and one split that has all videos. */
export const msTcnWriter: GoldWriter = {
  name: "mstcn",
  countsFrames: true,
  precisionSec: 0,
  namesFiles: true,
  write: (videos, frameRate) => {
    const frameOf = (seconds: number) => Math.round(seconds * frameRate)
    const problem = videos.map((video) => problemOf(video, frameOf)).find((found) => found !== undefined)
    if (problem !== undefined) return Either.left(problem)
    const names = [
      ...new Set(videos.flatMap(({ segments }) => segments.map(({ label }) => className(label)))),
    ]
    const mapping = [backgroundName, ...names].map((name, id) => `${id} ${name}\n`).join("")
    const files = videos.map((video): GoldFile => {
      const labels = Array.from({ length: frameOf(durationOf(video)) }, () => backgroundName)
      for (const { startSec, endSec, label } of video.segments)
        labels.fill(className(label), frameOf(startSec), frameOf(endSec))
      return {
        path: `groundTruth/${video.videoId}.txt`,
        text: labels.map((label) => `${label}\n`).join(""),
      }
    })
    const bundle = videos.map(({ videoId }) => `${videoId}.txt\n`).join("")
    return Either.right([
      { path: "mapping.txt", text: mapping },
      { path: "splits/all.bundle", text: bundle },
      ...files,
    ])
  },
}
