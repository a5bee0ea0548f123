import { isBorder, type SeenCall } from "./chat-server.ts"

/** What one look at a border is about: the step before it, and the times of its moments in seconds, in order. */
export const lookIn = ({ prompt }: SeenCall) => ({
  before: Number(/^- First part: step (\d+),/mu.exec(prompt)?.[1] ?? 0),
  times: [...prompt.matchAll(/\b\d\d (-?\d+\.\d\d)s/gu)].map(([, time]) => Number(time)),
})

/**
 * Answers looks at borders as somebody does who knows when each step ends; all else as a good model does.
 *
 * @param endsSec seconds at which the steps end, by their id; one that is not named ends where it is looked for
 */
export const knowing =
  (endsSec: Readonly<Record<number, number>>) =>
  (call: SeenCall, good: string): string => {
    if (!isBorder(call.prompt)) return good
    const { before, times } = lookIn(call)
    const end = endsSec[before]
    if (end === undefined) return good
    const at = times.findIndex((time) => time >= end)
    const answer = at === 0 ? "before" : at === -1 ? "after" : "frame"
    return JSON.stringify({ answer, frame_index: answer === "frame" ? at + 1 : 0 })
  }
