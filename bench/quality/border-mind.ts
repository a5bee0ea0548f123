import type { ErrorModel } from "./mind.ts"
import { normal } from "./random.ts"
import { actionName } from "./world.ts"

/** What is asked of a border: the goals of the steps before and after it; undefined where nothing happens. */
interface Asked {
  readonly before: string | undefined
  readonly after: string | undefined
}

const partOf = (prompt: string, which: "First" | "Second"): string | undefined =>
  new RegExp(`^- ${which} part: step \\d+, (.+?) \\(agent: `, "mu").exec(prompt)?.[1]

const askedIn = (prompt: string): Asked => ({
  before: partOf(prompt, "First"),
  after: partOf(prompt, "Second"),
})

const shows = (action: number, goal: string | undefined): boolean =>
  goal?.startsWith(`Do the ${actionName(action)}`) === true

/** The moments `[from, to)` in a row that show what a goal says: the last such stretch, or the first. */
const stretchOf = (
  actions: ReadonlyArray<number>,
  goal: string | undefined,
  which: "first" | "last",
  from = 0,
) => {
  const matches = (action: number) => shows(action, goal)
  const at =
    which === "first"
      ? actions.findIndex((action, i) => i >= from && matches(action))
      : actions.findLastIndex(matches)
  if (at === -1) return undefined
  const start = which === "first" ? at : actions.findLastIndex((action, i) => i < at && !matches(action)) + 1
  const after = actions.findIndex((action, i) => i > at && !matches(action))
  return { from: start, to: which === "last" ? at + 1 : after === -1 ? actions.length : after }
}

/** What is short is overlooked, however closely one looks: as likely as in a pool. */
const isOverlooked = (length: number, { overlooks }: ErrorModel, random: () => number): boolean => {
  const [one, two, more] = overlooks
  return random() < (length === 1 ? one : length === 2 ? two : more)
}

interface BorderReply {
  readonly answer: "frame" | "no_change" | "before" | "after"
  readonly frame_index: number
}

const outside = (answer: "no_change" | "before" | "after"): BorderReply => ({ answer, frame_index: 0 })

/**
 * The first moment of the second part, by what the moments show: where the step begins that comes after, or where the one before it is
 * over. Off by the error model, as a border in a pool is.
 *
 * @param actions what each moment shows, in order
 */
export const borderReply = (
  prompt: string,
  actions: ReadonlyArray<number>,
  errors: ErrorModel,
  random: () => number,
): BorderReply => {
  const { after, before } = askedIn(prompt)
  const first = stretchOf(actions, before, "last")
  const isSeen = (stretch: { readonly from: number; readonly to: number } | undefined) =>
    stretch !== undefined && !isOverlooked(stretch.to - stretch.from, errors, random)
  const isFirstSeen = isSeen(first)
  const second =
    after === undefined
      ? undefined
      : (stretchOf(actions, after, "first", first?.to ?? 0) ?? stretchOf(actions, after, "first"))
  const isSecondSeen = isSeen(second)
  const at =
    after === undefined ? (isFirstSeen ? first?.to : undefined) : isSecondSeen ? second?.from : undefined
  if (at === undefined) {
    if (after === undefined)
      return outside(before === undefined || first !== undefined ? "no_change" : "before")
    return outside(isFirstSeen ? "after" : "no_change")
  }
  if (at === 0) return outside("before")
  if (at >= actions.length) return outside("after")
  const blurred = Math.round(at + normal(random) * errors.borderPictures)
  return { answer: "frame", frame_index: 1 + Math.max(1, Math.min(actions.length - 1, blurred)) }
}
