import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { layout } from "../../../src/dataset/layout.ts"
import type { FrameManifest } from "../../../src/dataset/records.ts"
import { sha256 } from "../../../src/plan/fingerprint.ts"
import { ptsSeconds } from "../../../src/video/VideoDecoder.ts"
import { clipProblems, decodeClips } from "./clips.ts"
import { type FinishedFolder, type PoolOnDisk, readFolder } from "./folder.ts"
import { likeness } from "./likeness.ts"
import { mostAlike, picturesOf } from "./pictures.ts"
import { hasNoTimes, shownInOrder, type Truth } from "./truth.ts"

/** Least likeness of a picture to the frame it shows, in dB: what JPEG of quality 95 leaves. Other frames have 24 and less. */
const LEAST_LIKENESS = 33
/** The same for pictures of a few rows or columns: half of their chroma lies at the border. */
const LEAST_LIKENESS_THIN = 27
const THIN = 16

type Entry = FrameManifest["frames"][number]

/**
 * What frames of the decode have the time of a picture, in seconds, to the microsecond that manifests keep. Where frames have no
 * times the program gives them some: then the one that has its number.
 */
const framesAt = (truth: Truth, { original_frame_index, timestamp_sec }: Entry): ReadonlyArray<number> =>
  hasNoTimes(truth)
    ? [original_frame_index]
    : truth.framePts.flatMap((pts, i) =>
        Math.abs(ptsSeconds(pts, truth.timeBase) - timestamp_sec) <= 1.5e-6 ? [i] : [],
      )

const poolProblems = async (
  folder: FinishedFolder,
  pool: PoolOnDisk,
  truth: Truth,
): Promise<ReadonlyArray<string>> => {
  const { dir, manifest } = pool
  const pictures = await picturesOf(folder, pool, truth)
  const least = Math.min(...truth.shownSize) < THIN ? LEAST_LIKENESS_THIN : LEAST_LIKENESS
  const problems = manifest.frames.flatMap((entry, i) => {
    const where = `${dir} frame ${entry.frame_index_1based} at ${entry.timestamp_sec} s`
    const at = framesAt(truth, entry)
    if (at.length === 0) return [`${where}: no frame of the decode has this time`]
    const picture = pictures[i] ?? new Uint8Array()
    const best = Math.max(
      ...at.map((k) => likeness(truth.shown[k] ?? new Uint8Array(), picture, truth.shownSize)),
    )
    if (best >= least || folder.damaged.includes(entry.timestamp_sec)) return []
    return [`${where}: ${best.toFixed(1)} dB from frame ${at.join(" or ")}; ${mostAlike(truth, picture)}`]
  })
  const keyframes = readdirSync(join(folder.root, dir)).filter((name) => name.endsWith(".jpg"))
  const unlike = keyframes.filter((name) => {
    const index = Number(/^frame_(\d+)_/u.exec(name)?.[1])
    const entry = manifest.frames[index - 1]
    return entry?.sha256 !== sha256(readFileSync(join(folder.root, dir, name)))
  })
  return [...problems, ...unlike.map((name) => `${dir}/${name} is not the picture of its pool`)]
}

/** The stream that a folder was made from. */
const streamOf = (folder: FinishedFolder, truths: ReadonlyArray<Truth>): Truth | undefined =>
  truths.find(
    ({ codec, codedSize, timeBase }) =>
      codec === folder.codec &&
      codedSize.join("x") === folder.codedSize &&
      `${timeBase.num}/${timeBase.den}` === folder.timeBase,
  )

const sizeProblems = (folder: FinishedFolder, { displaySize }: Truth): ReadonlyArray<string> => {
  const shown = folder.displaySize.split("x").map(Number)
  const differs = displaySize.some((side, i) => Math.abs(side - (shown[i] ?? 0)) > 1)
  return differs ? [`shown as ${folder.displaySize} instead of ${displaySize.join("x")}`] : []
}

/**
 * Whether frames are missing without a word: the index has to know every frame of the decode, but for those whose times go back
 * or repeat, of which the run says that it leaves them out.
 */
const countProblems = (
  folder: FinishedFolder,
  truth: Truth,
  output: string,
  isDamaged: boolean,
): ReadonlyArray<string> => {
  const all = truth.framePts.length
  const inOrder = shownInOrder(truth).length
  const isSaid = /\bleft out\b/u.test(output)
  if (folder.frames === all && hasNoTimes(truth)) return []
  if (isDamaged && folder.frames > all) return []
  if (folder.frames === inOrder && (inOrder === all || isSaid)) return []
  return [`${folder.frames} frames are known; ${all} decode, ${inOrder} of them in order of time`]
}

/** The problems of one part of a folder by the opinion that has fewest: decoder and cutter may be of different versions. */
const byEither = async (
  truth: Truth,
  problemsBy: (truth: Truth) => ReadonlyArray<string> | Promise<ReadonlyArray<string>>,
): Promise<ReadonlyArray<string>> => {
  const first = await problemsBy(truth)
  if (first.length === 0 || truth.secondOpinion === undefined) return first
  const second = await problemsBy(truth.secondOpinion)
  return second.length < first.length ? second : first
}

/**
 * What of a folder that the program calls valid is not as in a decode of the whole video: frames, times, pictures, clips.
 *
 * @param output what the run printed
 * @param isDamaged whether frames may be on record that do not decode; others stand in for them
 */
export const judge = async (
  root: string,
  truths: ReadonlyArray<Truth>,
  output: string,
  isDamaged = false,
): Promise<ReadonlyArray<string>> => {
  const folder = readFolder(root)
  const truth = streamOf(folder, truths)
  if (truth === undefined)
    return [
      `${folder.codec} of ${folder.codedSize} in ticks of ${folder.timeBase} s is no stream of the file`,
    ]
  const problems = [
    ...sizeProblems(folder, truth),
    ...(await byEither(truth, (opinion) => countProblems(folder, opinion, output, isDamaged))),
  ]
  // Without times nothing tells where a clip begins in the video.
  const pools = hasNoTimes(truth) ? [folder.draftPool] : [folder.draftPool, ...folder.stepPools]
  for (const pool of pools)
    problems.push(...(await byEither(truth, (opinion) => poolProblems(folder, pool, opinion))))
  if (hasNoTimes(truth)) return problems
  const { clips, problems: unreadable } = await decodeClips(
    join(root, layout.stage2.dir),
    folder.segments.segments,
    truth,
  )
  problems.push(...unreadable)
  for (const clip of clips)
    problems.push(...(await byEither(truth, (opinion) => clipProblems(clip, opinion, folder.damaged))))
  return problems
}
