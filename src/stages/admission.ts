import { Effect } from "effect"
import { annotationOf, type RunSettings } from "../config.ts"
import { labelBox } from "../picture/overlay.ts"
import { fewestMoments } from "../plan/refined.ts"
import type { VideoSource } from "../video/VideoDecoder.ts"
import { VideoError } from "../video/VideoError.ts"
import { frameLabel, labelsFor } from "./pool-images.ts"
import type { Showing } from "./showing.ts"

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`

/** Refuses videos that are too short for steps. */
export const admitSteps = ({ file, framePts }: VideoSource, settings: RunSettings) => {
  const { steps } = annotationOf(settings)
  const fewest = fewestMoments(steps)
  if (framePts.length >= fewest) return Effect.void
  const message = `${file} has ${counted(framePts.length, "frame")}; ${counted(steps.min, "step")} with two keyframes each need at least ${fewest}`
  return new VideoError({ reason: "TooFewFrames", file, message })
}

/** Refuses pictures without room for the labels of a stage that asks for indices. */
const admitLabels = (source: VideoSource, { maxFrames }: RunSettings, { index, sheet }: Showing) => {
  const { displayHeight, displayWidth, file } = source
  const label = frameLabel(maxFrames)
  const isDrawn = sheet === undefined && labelsFor(index).drawn !== undefined
  if (!isDrawn || labelBox(label.length, displayWidth, displayHeight) !== undefined) return Effect.void
  const message = `${file} has frames of ${displayWidth}x${displayHeight} pixels, too small for the label "${label}"; --image-labels text gives each index as text`
  return new VideoError({ reason: "Unsupported", file, message })
}

/** Refuses what a stage that asks for the indices of steps cannot work with. */
export const admitIndices = (source: VideoSource, settings: RunSettings, showing: Showing) =>
  Effect.zipRight(admitSteps(source, settings), admitLabels(source, settings, showing))
