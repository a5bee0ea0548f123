/** Our own folders: what is scored, and gold. */

import { stat } from "node:fs/promises"
import { Effect, Either } from "effect"
import { type FinishedStep, type FinishedVideo, openVideo, videoFolders } from "../dataset/open.ts"
import { type VideoCost, videoCost } from "./cost.ts"
import { GoldError, type GoldSet } from "./gold.ts"
import { goldSet } from "./import.ts"
import { predictionOf } from "./pairing.ts"

/** The name of our own folders among gold formats. */
export const ownFormat = "triptych"

/** What scoring takes of a step. */
export type ScoredStep = Pick<FinishedStep, "startSec" | "endSec" | "stepGoal" | "keyframes">

/** What scoring takes of a finished video. Its folder says a thousand times as much, which 10,000 videos leave no memory for. */
export interface FinishedRun {
  readonly videoId: string
  readonly durationSec: number
  readonly sourceVideo: string
  readonly model: string
  /** Over the prompts, the form of the answers and the version of the contract: SHA-256, 64 hex digits. */
  readonly promptsFingerprint: string
  /** Whether no model was asked. */
  readonly isRehearsal: boolean
  readonly steps: ReadonlyArray<ScoredStep>
  readonly cost: VideoCost
}

/** Folders that are read at the same time: enough not to wait for the disk, few enough to fit in memory. */
const atOnce = 4

const runOf = (video: FinishedVideo): FinishedRun => ({
  videoId: video.videoId,
  durationSec: video.durationSec,
  sourceVideo: video.provenance.sourceVideo,
  model: video.provenance.model,
  promptsFingerprint: video.provenance.promptsFingerprint,
  isRehearsal: video.provenance.isRehearsal,
  steps: video.steps.map(({ startSec, endSec, stepGoal, keyframes }) => ({
    startSec,
    endSec,
    stepGoal,
    keyframes,
  })),
  cost: videoCost(video),
})

/** The finished videos at the path of an output root or of one video's folder, and why others are not finished. */
export const finishedRuns = Effect.fn("Quality.finishedRuns")(function* (path: string) {
  const opened = yield* Effect.forEach(
    yield* videoFolders(path),
    (folder) => Effect.either(Effect.map(openVideo(folder), runOf)),
    { concurrency: atOnce },
  )
  const runs = opened.flatMap((each) => (Either.isRight(each) ? [each.right] : []))
  const unfinished = opened.flatMap((each) => (Either.isLeft(each) ? [each.left.message] : []))
  return { runs, unfinished }
})

/** Whether a path is that of an output root or of one video's folder. */
export const isOwn = Effect.fn("Quality.isOwn")(function* (path: string) {
  const isFolder = yield* Effect.promise(() =>
    stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    ),
  )
  return isFolder && (yield* videoFolders(path)).length > 0
})

/**
 * Takes the steps of finished videos as gold. Those that are not finished are left out, and the report says why. Fails with
 * `Unreadable` where no video is finished.
 */
export const ownGold = Effect.fn("Quality.ownGold")(function* (path: string) {
  const { runs, unfinished } = yield* finishedRuns(path)
  if (runs.length === 0) {
    const message = unfinished[0] ?? `${path} holds no finished video: no folder in it has a run_summary.json`
    return yield* new GoldError({ reason: "Unreadable", file: path, message })
  }
  const made = { format: ownFormat, unit: "seconds", frameRate: null, leftOut: unfinished } as const
  return goldSet(runs.map(predictionOf), made) satisfies GoldSet
})
