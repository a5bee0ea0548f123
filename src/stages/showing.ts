import type { RunSettings } from "../config.ts"
import type { SheetLayout } from "../picture/picture.ts"
import { type IndexDisplay, labelsFor, type PoolLabels, poolImages } from "./pool-images.ts"
import { distinctFrames, type FramePool, type PoolRequest, planFrames } from "./pool-plan.ts"
import { planSheets, poolSheets } from "./pool-sheets.ts"
import type { NeededImages } from "./Stage.ts"

/** How a stage shows a frame pool to a model. */
export interface Showing {
  /** How the index of a frame is told that is an image by itself. */
  readonly index: IndexDisplay
  /** Whether its time is, too, as text before it. */
  readonly hasTimes: boolean
  /** The layout of contact sheets; absent if each frame is an image by itself. */
  readonly sheet: SheetLayout | undefined
}

/** How Stage 1 shows its pool: without indices, unless it is in sheets. */
export const draftShowing = ({ frameTimes = false, poolSheet }: RunSettings): Showing => ({
  index: "none",
  hasTimes: frameTimes,
  sheet: poolSheet,
})

/** How Stage 2 shows the same pool. */
export const localizeShowing = (settings: RunSettings): Showing => ({
  ...draftShowing(settings),
  index: settings.imageLabels,
})

/** How Stage 3 shows the pool of a step. */
export const stepShowing = ({ frameTimes = false, imageLabels, stepSheet }: RunSettings): Showing => ({
  index: imageLabels,
  hasTimes: frameTimes,
  sheet: stepSheet,
})

/** What the answer to a shown pool depends on, beside the pool and the prompt. */
export const shownInputs = ({ sheet }: Showing): { readonly sheet?: SheetLayout } =>
  sheet === undefined ? {} : { sheet }

type Entry = FramePool["manifest"]["frames"][number]

/** The time of a frame in the words that some families of models are trained on. */
const timeText = ({ timestamp_sec }: Pick<Entry, "timestamp_sec">): string =>
  `<${timestamp_sec.toFixed(1)} seconds>`

const labelsOf = ({ hasTimes, index }: Showing): PoolLabels => {
  const { beside, ...labels } = labelsFor(index)
  const texts = [...(beside === undefined ? [] : [beside]), ...(hasTimes ? [timeText] : [])]
  return texts.length === 0
    ? labels
    : { ...labels, beside: (entry) => texts.map((text) => text(entry)).join(" ") }
}

/** The images of a pool as a request sends them. */
export const shownImages = (pool: FramePool, showing: Showing) =>
  showing.sheet === undefined ? poolImages(pool, labelsOf(showing)) : poolSheets(pool, showing.sheet)

/**
 * The images of a call that would show a pool.
 *
 * @param distinct different frames among its entries, if that is known otherwise
 */
export const neededImages = (
  showing: Showing,
  request: PoolRequest,
  distinct = distinctFrames(planFrames(request)),
): NeededImages => {
  const planned = planFrames(request)
  const { displayHeight, displayWidth } = request.source
  if (showing.sheet !== undefined) {
    const sheets = planSheets(showing.sheet, [displayWidth, displayHeight], planned)
    const sizes = sheets.map(({ size: { height, width } }) => [width, height] as const)
    return { images: sheets.length, distinct: sheets.length, sizes }
  }
  const { beside } = labelsOf(showing)
  const [first] = planned
  const label = beside === undefined || first === undefined ? undefined : beside({ ...first, sha256: "" })
  return { images: planned.length, distinct, ...(label === undefined ? {} : { label }) }
}
