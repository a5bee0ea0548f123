import { join } from "node:path/posix"
import { Effect } from "effect"
import { layout } from "../../dataset/layout.ts"
import type { ContactSheet } from "../../dataset/records.ts"
import { fingerprint } from "../../plan/fingerprint.ts"
import { ptsSeconds } from "../../video/VideoDecoder.ts"
import { badgeOf } from "../badges.ts"
import { noteSubstitutes } from "../decoding.ts"
import { ensurePool, foreseenPool, plannedPool } from "../pool.ts"
import { labelsFor, poolImages } from "../pool-images.ts"
import type { FramePool, PoolRequest } from "../pool-plan.ts"
import { put } from "../put.ts"
import type { Inquiry } from "../question.ts"
import { inFolder, mayKeep, noteMade, type RunFacts, type VideoRun } from "../run.ts"
import type { NeededImages } from "../Stage.ts"
import { bordersId } from "./asks.ts"
import type { Window } from "./search.ts"
import {
  ensureSheet,
  foreseenSheet,
  plannedSheet,
  type SheetRequest,
  sheetImages,
  sheetPixels,
} from "./sheet.ts"

/** The frames of one look at a border, as a model sees them. */
export interface View {
  /** Seconds of the frames 1..k. */
  readonly timestamps: ReadonlyArray<number>
  /** Of what is seen: times, frames and pictures. */
  readonly fingerprint: string
  readonly images: Inquiry<unknown>["images"]
}

const note =
  "Window around a border: evenly spread by presentation time, first and last frame included. Seconds on the source video's timeline."

/** The file that lists the frames of a look, in its folder. */
export const listingOf = ({ settings }: RunFacts): string =>
  settings.borders?.input === "frames" ? layout.frameManifest : layout.borders.sheet

const poolRequest = (
  { confirmSource, settings, source }: RunFacts,
  dir: string,
  { positions }: Window,
): PoolRequest => ({
  dir,
  source,
  confirm: confirmSource,
  count: positions.length,
  positions,
  jpegQuality: settings.jpegQuality,
  note,
  secondsOf: (pts) => ptsSeconds(pts, source.timeBase),
})

/** The sheet that is wanted; undefined if frames are shown each by itself. */
const sheetRequest = (run: RunFacts, dir: string, window: Window): SheetRequest | undefined => {
  const { borders } = run.settings
  return borders === undefined || borders.input === "frames"
    ? undefined
    : { ...poolRequest(run, dir, window), sheet: borders.sheet }
}

const badgeText = ({ frame_index_1based, timestamp_sec }: FramePool["manifest"]["frames"][number]): string =>
  badgeOf(frame_index_1based, timestamp_sec).join(" ")

const viewOfPool = (run: RunFacts, pool: FramePool): View => ({
  timestamps: pool.timestamps,
  fingerprint: pool.fingerprint,
  images: poolImages(pool, labelsFor(run.settings.imageLabels, badgeText)),
})

const viewOfSheet = (request: SheetRequest, sheet: ContactSheet): View => ({
  timestamps: sheet.frames.map(({ timestamp_sec }) => timestamp_sec),
  fingerprint: fingerprint([
    sheet.sha256,
    sheet.frames.map(({ original_frame_index, timestamp_sec }) => [timestamp_sec, original_frame_index]),
  ]),
  images: sheetImages(request, sheet),
})

const partOf = (run: RunFacts, dir: string): string => inFolder(run, join(dir, listingOf(run)))

/** The frames of a look on disk, kept or decoded. */
export const ensureView = Effect.fn("Borders.view")(function* (run: VideoRun, dir: string, window: Window) {
  const write = (path: string, content: string) => put(run, path, content)
  const part = partOf(run, dir)
  const keeps = mayKeep(run, bordersId, part)
  const wanted = sheetRequest(run, dir, window)
  if (wanted === undefined) {
    const { pool } = yield* ensurePool({ ...poolRequest(run, dir, window), write }, keeps)
    yield* noteMade(run, bordersId, part)
    yield* noteSubstitutes(run, inFolder(run, dir), pool)
    return viewOfPool(run, pool)
  }
  const sheet = yield* ensureSheet({ ...wanted, write }, keeps)
  yield* noteMade(run, bordersId, part)
  return viewOfSheet(wanted, sheet)
})

/** What a run would see, and whether it is there. Nothing is decoded or written. */
export const foreseeView = Effect.fn("Borders.foreseeView")(function* (
  run: RunFacts,
  dir: string,
  window: Window,
) {
  const keeps = mayKeep(run, bordersId, partOf(run, dir))
  const wanted = sheetRequest(run, dir, window)
  if (wanted === undefined) {
    const request = poolRequest(run, dir, window)
    const pool = yield* foreseenPool(request, keeps)
    return { isThere: pool !== undefined, view: viewOfPool(run, pool ?? plannedPool(request)) }
  }
  const sheet = yield* foreseenSheet(wanted, keeps)
  return { isThere: sheet !== undefined, view: viewOfSheet(wanted, sheet ?? plannedSheet(wanted)) }
})

/** The pictures of a look, for what it will take. */
export const picturesOf = (run: RunFacts, window: Window): NeededImages => {
  const wanted = sheetRequest(run, "", window)
  if (wanted !== undefined) return { images: 1, distinct: 1, sizes: [sheetPixels(wanted)] }
  const { length } = window.positions
  const isLabelled = labelsFor(run.settings.imageLabels).beside !== undefined
  return { images: length, distinct: length, ...(isLabelled ? { label: badgeOf(1, 0).join(" ") } : {}) }
}
