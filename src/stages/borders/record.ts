import { join } from "node:path/posix"
import { Effect } from "effect"
import type { BordersRecord } from "../../dataset/records.ts"
import { jsonText } from "../../dataset/store.ts"
import { ptsSeconds } from "../../video/VideoDecoder.ts"
import { put } from "../put.ts"
import { noteMade, type RunFacts, type VideoRun } from "../run.ts"
import { bordersId } from "./asks.ts"
import { type Asked, askedRecord } from "./level.ts"
import { recordPath } from "./outcomes.ts"
import type { FoundBorder } from "./places.ts"
import { type SearchSpace, spacingOf } from "./search.ts"
import { ptsAt, roundedSeconds, settle } from "./settled.ts"

const entryOf = (
  run: RunFacts,
  space: SearchSpace,
  border: FoundBorder,
  asked: ReadonlyArray<Asked>,
): BordersRecord["borders"][number] => {
  const { source } = run
  const { boundary, pts } = settle(source, space, border)
  const localized = ptsAt(source, border.bracket)
  return {
    border: border.number,
    step_before: border.before?.step_id ?? null,
    step_after: border.after?.step_id ?? null,
    frame_index_localized: border.index,
    sec_localized: ptsSeconds(localized, source.timeBase),
    spacing_sec_localized: roundedSeconds(spacingOf(space, border.bracket)),
    levels_asked: asked.map((one) => askedRecord(run, one)),
    sec: ptsSeconds(pts, source.timeBase),
    pts,
    ...boundary,
  }
}

/** Writes the record of all borders, `borders.json`, and gives it. */
export const writeBorders = Effect.fn("Borders.write")(function* (
  run: VideoRun,
  space: SearchSpace,
  borders: ReadonlyArray<FoundBorder>,
  asked: ReadonlyArray<Asked>,
) {
  const { den, num } = run.source.timeBase
  const { input, precisionSec } = run.settings.borders ?? { input: "sheets", precisionSec: 0 }
  const record: BordersRecord = {
    video_id: run.folder.videoId,
    precision_sec: precisionSec,
    input,
    time_base: `${num}/${den}`,
    borders: borders.map((border) =>
      entryOf(
        run,
        space,
        border,
        asked.filter(({ level }) => level.border.number === border.number),
      ),
    ),
  }
  yield* put(run, join(run.folder.key, recordPath), jsonText(record))
  yield* noteMade(run, bordersId, recordPath)
  return record
})
