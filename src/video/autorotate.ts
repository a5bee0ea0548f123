import type { CutMode, CutSettings } from "./ClipCutter.ts"
import type { VideoSource } from "./VideoDecoder.ts"

/** Whether a video's pixels have to be turned or mirrored to be upright. */
const isTurned = ({
  mirrored,
  rotationDegrees,
}: Pick<VideoSource, "mirrored" | "rotationDegrees">): boolean => mirrored || rotationDegrees !== 0

/** How clips of a source are cut: pixels that are to be turned cannot be copied. */
export const cutFor = (
  { autorotate = false, mode }: Pick<CutSettings, "autorotate" | "mode">,
  source: VideoSource,
): { readonly mode: CutMode; readonly autorotate: boolean; readonly reason?: string } => {
  if (!autorotate || !isTurned(source)) return { mode, autorotate: false }
  if (mode === "reencode") return { mode, autorotate }
  return { mode: "reencode", autorotate, reason: "its pixels are rotated" }
}
