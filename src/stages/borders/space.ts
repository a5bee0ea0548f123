import { withoutJumps } from "../../video/sampling.ts"
import { ptsSeconds } from "../../video/VideoDecoder.ts"
import type { RunFacts } from "../run.ts"
import type { SearchSpace } from "./search.ts"

/** The frames of a video, on a clock that does not jump, and how the borders of its steps are searched among them. */
export const spaceOf = ({ settings: { borders }, source }: RunFacts): SearchSpace => {
  const { framePts, timeBase } = source
  return {
    seconds: withoutJumps(framePts, timeBase).map((pts) => ptsSeconds(pts, timeBase)),
    precisionSec: borders?.precisionSec ?? Number.POSITIVE_INFINITY,
    most: borders === undefined ? 0 : borders.sheet.columns * borders.sheet.rows,
    isSparing: borders?.input === "frames",
  }
}
