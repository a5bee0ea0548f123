import type { SheetLayout } from "../picture/sheet.ts"
import type { Wording } from "./prompt-part.ts"

/** Parts of prompts that say how the images of a pool come: in Stage 1, 2 and 3. */
export const shownNames = ["draft_images", "pool_images", "step_images"] as const

/** What a run is told of how images are shown. */
export interface GivenImages {
  readonly poolSheet?: SheetLayout
  readonly stepSheet?: SheetLayout
  readonly frameTimes?: boolean
}

const tiles = `the tiles of contact sheets: take the sheets in the order in which they
come, and read the tiles of each row by row from the top left, like text. Each tile has a badge in its top left corner
with the image's index, from 01 on, and its time in the video. The badge is not part of the scene`

const times = "right before it, as text, stands its time in the video, like `<12.5 seconds>`"

/** What a prompt that knows nothing of this is told at its end. */
const heading = "# How the images come"

const plain = {
  draft_images: "without labels",
  pool_images: `Each is identified by a label
\`Frame NN\`, drawn on it or given as text just before it; the number is the image's index. The label is not part of the
scene.`,
  step_images: `Each is identified by
a label \`Frame NN\`, drawn on it or given as text just before it; the number is the image's index. The label is not part
of the scene.`,
}

const draftImages = ({ frameTimes = false, poolSheet }: GivenImages): Wording => {
  if (poolSheet !== undefined)
    return { text: `as ${tiles}`, sentence: `${heading}\n\nThe images come as ${tiles}.` }
  return frameTimes
    ? { text: `without labels; ${times}`, sentence: `${heading}\n\nOf each image, ${times}.` }
    : { text: plain.draft_images }
}

/** The wording of a stage that asks for indices. */
const indexedImages = (
  text: string,
  sheet: SheetLayout | undefined,
  { frameTimes = false }: GivenImages,
): Wording => {
  if (sheet !== undefined)
    return {
      text: `They are ${tiles}.`,
      sentence: `${heading}\n\nThe images are ${tiles}. There are no other labels.`,
    }
  return frameTimes
    ? { text: `${text} Of each image, ${times}.`, sentence: `${heading}\n\nOf each image, ${times}.` }
    : { text }
}

/** How images come, by the names of the parts. Without options, the contract's words. */
export const shownWording = (given: GivenImages): Readonly<Record<(typeof shownNames)[number], Wording>> => ({
  draft_images: draftImages(given),
  pool_images: indexedImages(plain.pool_images, given.poolSheet, given),
  step_images: indexedImages(plain.step_images, given.stepSheet, given),
})
