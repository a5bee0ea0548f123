import { dirname } from "node:path/posix"
import { Effect } from "effect"
import { isSamplePath, samplePath } from "../layout.ts"
import { type FrameManifest, frameManifestSchema } from "../records.ts"
import { isOwnPicture } from "../resume.ts"

import { type Finding, finding, loadJson, loadMedia } from "./finding.ts"

const entryFindings = (file: string, manifest: FrameManifest): ReadonlyArray<Finding> =>
  manifest.frames.flatMap((frame, i) => {
    const where = `frames[${i}]`
    const before = manifest.frames[i - 1]
    const wanted = samplePath(i + 1, frame.timestamp_sec)
    return [
      ...(frame.frame_index_1based === i + 1
        ? []
        : [finding(file, `${where}.frame_index_1based must be ${i + 1}, not ${frame.frame_index_1based}`)]),
      ...(before !== undefined && frame.timestamp_sec < before.timestamp_sec
        ? [
            finding(
              file,
              `${where}.timestamp_sec goes back from ${before.timestamp_sec} to ${frame.timestamp_sec}`,
            ),
          ]
        : []),
      ...(before !== undefined && frame.original_frame_index < before.original_frame_index
        ? [finding(file, `${where}.original_frame_index goes back`)]
        : []),
      ...(before !== undefined &&
      (frame.original_frame_index === before.original_frame_index) !==
        (frame.timestamp_sec === before.timestamp_sec)
        ? [finding(file, `${where}: frame index and timestamp do not change together`)]
        : []),
      ...(isSamplePath(frame.image_relpath, i + 1, frame.timestamp_sec)
        ? []
        : [finding(file, `${where}.image_relpath must be ${wanted}, not ${frame.image_relpath}`)]),
    ]
  })

const tickFindings = (file: string, manifest: FrameManifest): ReadonlyArray<Finding> =>
  manifest.frames.flatMap((frame, i) => {
    const [num = 0, den = 1] = frame.time_base.split("/").map(Number)
    const seconds = (frame.pts * num) / den
    return Math.abs(seconds - frame.timestamp_sec) < 2e-6
      ? []
      : [
          finding(
            file,
            `frames[${i}].timestamp_sec is ${frame.timestamp_sec}, but its pts say ${seconds.toFixed(6)}`,
          ),
        ]
  })

/**
 * Checks a frame manifest and its pictures.
 *
 * @param file the manifest, relative to `root`
 * @param ownTimeline whether pts and timestamps share a timeline, as in the full-video pool
 */
export const checkPool = Effect.fn("Validate.pool")(function* (
  root: string,
  file: string,
  count: number | undefined,
  ownTimeline: boolean,
) {
  const { value: manifest, findings } = yield* loadJson(root, file, frameManifestSchema)
  if (manifest === undefined) return { manifest, findings }
  const found: Array<Finding> = [
    ...entryFindings(file, manifest),
    ...(ownTimeline ? tickFindings(file, manifest) : []),
  ]
  const wanted = count ?? manifest.frames.length
  if (manifest.frames.length !== manifest.num_frames || manifest.num_frames !== wanted) {
    found.push(
      finding(
        file,
        `must list ${wanted} frames; num_frames is ${manifest.num_frames}, listed are ${manifest.frames.length}`,
      ),
    )
  }
  const dir = dirname(file)
  for (const frame of manifest.frames) {
    const path = `${dir}/${frame.image_relpath}`
    // No other file is read because a manifest names it; that it does is told above.
    if (!isOwnPicture(frame)) continue
    const picture = yield* loadMedia(root, path, "JPEG picture")
    found.push(...picture.findings)
    if (picture.findings.length === 0 && picture.sha256 !== frame.sha256) {
      found.push(finding(path, "differs from the picture its manifest describes (sha256)"))
    }
  }
  return { manifest, findings: found }
})
