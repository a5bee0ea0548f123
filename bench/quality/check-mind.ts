import type { ErrorModel } from "./mind.ts"
import { actionName } from "./world.ts"

interface CheckReply {
  readonly completed: "yes" | "no"
  readonly differs: string
}

/** How often somebody who is told what to see says to have seen it, though it does not show. */
const agreesAnyway = 0.1

/**
 * Whether what is said to be done shows in any moment of a clip. What shows in few moments is overlooked as often as in a pool; and now
 * and then the one who is asked agrees with what was said.
 *
 * @param actions what each moment shows, in order
 */
export const checkReply = (
  prompt: string,
  actions: ReadonlyArray<number>,
  { overlooks: [one, two, more], invents }: ErrorModel,
  random: () => number,
): CheckReply => {
  const goal = /^- Step: (.+)$/mu.exec(prompt)?.[1] ?? ""
  const shown = actions.filter((action) => goal.startsWith(`Do the ${actionName(action)}`)).length
  const isSeen =
    shown === 0
      ? invents > 0 && random() < agreesAnyway
      : random() >= (shown === 1 ? one : shown === 2 ? two : more)
  return isSeen
    ? { completed: "yes", differs: "" }
    : { completed: "no", differs: "Something else is done to another object." }
}
