import { join } from "node:path/posix"
import { Effect } from "effect"
import { defaultSheet } from "../../config.ts"
import { layout } from "../../dataset/layout.ts"
import type { ContactSheet, Segment } from "../../dataset/records.ts"
import { localPath } from "../../dataset/store.ts"
import { VideoDecoder } from "../../video/VideoDecoder.ts"
import { ensureSheet, type SheetRequest, sheetImages } from "../borders/sheet.ts"
import type { PoolRequest } from "../pool-plan.ts"
import { put } from "../put.ts"
import type { Inquiry } from "../question.ts"
import { inFolder, mayKeep, noteMade, type RunFacts, type VideoRun } from "../run.ts"
import { stepPoolRequest } from "../step-pool.ts"
import { verifyId } from "./asks.ts"

/** The frames of a step as the question about it shows them. */
export interface StepView {
  /** Seconds on the source's timeline of the frames 1..k. */
  readonly timestamps: ReadonlyArray<number>
  readonly images: Inquiry<unknown>["images"]
}

const note =
  "Step sheet: uniformly spread over the step's clip by presentation time, first and last frame included. Seconds on the source video's timeline; frame indices and pts are the clip's."

/** The sheet that is wanted of a step, from what is wanted of its pool: as many frames as it has room for, none of them twice. */
export const stepSheetRequest = (
  { settings: { verify } }: Pick<RunFacts, "settings">,
  { original: _, ...pool }: PoolRequest,
): SheetRequest => {
  const sheet = verify?.sheet ?? defaultSheet
  return {
    ...pool,
    dir: join(pool.dir, layout.verify.dir),
    count: Math.min(sheet.columns * sheet.rows, pool.source.framePts.length),
    note,
    sheet,
  }
}

/** The file that lists the frames of a sheet, relative to the video's folder. */
export const sheetPart = (run: RunFacts, { dir }: Pick<SheetRequest, "dir">): string =>
  inFolder(run, join(dir, layout.borders.sheet))

export const viewOf = (request: SheetRequest, sheet: ContactSheet): StepView => ({
  timestamps: sheet.frames.map(({ timestamp_sec }) => timestamp_sec),
  images: sheetImages(request, sheet),
})

/** The sheet of a step's clip on disk, kept or made. */
export const ensureStepView = Effect.fn("Verify.sheet")(function* (
  run: VideoRun,
  dir: string,
  segment: Segment,
) {
  const clip = yield* (yield* VideoDecoder).probe(
    yield* localPath(join(run.folder.stage2, segment.clip_relpath)),
  )
  const pool = {
    ...stepPoolRequest(run, dir, segment, clip),
    write: (path: string, content: string) => put(run, path, content),
  }
  const request = stepSheetRequest(run, pool)
  const part = sheetPart(run, request)
  const sheet = yield* ensureSheet(request, mayKeep(run, verifyId, part))
  yield* noteMade(run, verifyId, part)
  return viewOf(request, sheet)
}, Effect.scoped)
