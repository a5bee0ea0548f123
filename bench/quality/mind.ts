import { openJpeg, pixelsOf } from "../../src/picture/jpeg.ts"
import { draftReply, type Json, refinedReply } from "../../test/support/replies.ts"
import { borderReply } from "./border-mind.ts"
import { checkReply } from "./check-mind.ts"
import { readPlates } from "./plate.ts"
import { normal, seeded, seedOf } from "./random.ts"
import { tilesIn } from "./tiles.ts"
import { actionName, idle } from "./world.ts"

/**
 * How a simulated model errs. Chosen once, from what is published of real ones: short events are missed or merged far more often than
 * long ones, and borders are off by a share of the spacing of the pictures.
 */
export interface ErrorModel {
  /** Chance of overlooking a run that shows in one, two, or more pictures. */
  readonly overlooks: readonly [one: number, two: number, more: number]
  /** Standard deviation of a border, in pictures of the pool. */
  readonly borderPictures: number
  /** Chance of taking a run of at most two pictures together with the one before. */
  readonly merges: number
  /** Chance of seeing a step where nothing happens. */
  readonly invents: number
}

export const noErrors: ErrorModel = { overlooks: [0, 0, 0], borderPictures: 0, merges: 0, invents: 0 }
export const usualErrors: ErrorModel = {
  overlooks: [0.4, 0.2, 0.03],
  borderPictures: 0.5,
  merges: 0.3,
  invents: 0.1,
}

/** Pictures `[from, to)` in a row that show one action, 0-based. */
interface Run {
  readonly action: number
  readonly from: number
  readonly to: number
}

/** What a model is sent: a prompt and pictures, nothing else. */
export interface Seen {
  readonly prompt: string
  readonly images: ReadonlyArray<Uint8Array>
}

/** What somebody does who does nothing: an action that no world has. */
const invented = 255

/** The action in each of so many moments; `idle` also where no plate can be read, since then nothing is seen. */
const actionsIn = async (
  images: ReadonlyArray<Uint8Array>,
  moments: number,
): Promise<ReadonlyArray<number>> => {
  const pictures = await Promise.all(images.map(async (jpeg) => pixelsOf(openJpeg(jpeg))))
  // Pictures of more moments than there are pictures are sheets: each tile is looked at by itself, at the size that it has there.
  const seen = pictures.length < moments ? pictures.flatMap(tilesIn) : pictures
  // The last row of a sheet may have places without a picture.
  return seen.slice(0, moments).map((picture) => readPlates(picture)[0]?.action ?? idle)
}

const runsOf = (actions: ReadonlyArray<number>): ReadonlyArray<Run> => {
  const starts = actions.flatMap((action, i) => (i === 0 || action !== actions[i - 1] ? [i] : []))
  return starts.map((from, i) => ({
    action: actions[from] ?? idle,
    from,
    to: starts[i + 1] ?? actions.length,
  }))
}

const lengthOf = ({ from, to }: Run): number => to - from

/** Joins the shortest run to a neighbour until there are at most `most`. */
const joined = (runs: ReadonlyArray<Run>, most: number): ReadonlyArray<Run> => {
  let left = [...runs]
  while (left.length > most) {
    const shortest = left.reduce(
      (best, run, i) => (lengthOf(run) < lengthOf(left[best] ?? run) ? i : best),
      0,
    )
    const into = shortest === 0 ? 1 : shortest - 1
    const [first, second] = [left[Math.min(shortest, into)], left[Math.max(shortest, into)]]
    if (first === undefined || second === undefined) break
    const longer = lengthOf(first) >= lengthOf(second) ? first : second
    left = left.toSpliced(Math.min(shortest, into), 2, {
      action: longer.action,
      from: first.from,
      to: second.to,
    })
  }
  return left
}

/** The longest stretch of pictures before, between and after runs. */
const longestGap = (runs: ReadonlyArray<Run>, count: number): Omit<Run, "action"> => {
  const ends = [0, ...runs.map(({ to }) => to)]
  const gaps = ends.map((from, i) => ({ from, to: runs[i]?.from ?? count }))
  return gaps.reduce((best, gap) => (gap.to - gap.from > best.to - best.from ? gap : best))
}

/**
 * Splits the longest run until there are at least `fewest`; a plan must have so many. Where no run has two pictures, a step is made up
 * in the longest stretch without any.
 */
const split = (runs: ReadonlyArray<Run>, fewest: number, count: number): ReadonlyArray<Run> => {
  let left = [...runs]
  while (left.length < fewest) {
    const longest = left.reduce((best, run, i) => (lengthOf(run) > lengthOf(left[best] ?? run) ? i : best), 0)
    const run = left[longest]
    if (run !== undefined && lengthOf(run) >= 2) {
      const middle = run.from + Math.floor(lengthOf(run) / 2)
      left = left.toSpliced(longest, 1, { ...run, to: middle }, { ...run, from: middle })
      continue
    }
    const { from, to } = longestGap(left, count)
    if (to === from) break
    left = [...left, { action: invented, from, to }].toSorted((a, b) => a.from - b.from)
  }
  return left
}

/** A plan has so many steps. */
const steps = { fewest: 3, most: 8 }

/** What a model makes of the pictures: runs of one action each, with its errors. */
const perceived = (
  actions: ReadonlyArray<number>,
  errors: ErrorModel,
  random: () => number,
): ReadonlyArray<Run> => {
  const noticed = runsOf(actions).flatMap((run): ReadonlyArray<Run> => {
    if (run.action === idle)
      return random() < errors.invents && lengthOf(run) >= 3 ? [{ ...run, action: invented }] : []
    const [one, two, more] = errors.overlooks
    const chance = lengthOf(run) === 1 ? one : lengthOf(run) === 2 ? two : more
    return random() < chance ? [] : [run]
  })
  const merged: Array<Run> = []
  for (const run of noticed) {
    const before = merged.at(-1)
    const isJoined =
      before !== undefined && lengthOf(run) <= 2 && before.to === run.from && random() < errors.merges
    if (isJoined) merged[merged.length - 1] = { ...before, to: run.to }
    else merged.push(run)
  }
  const all = merged.length > 0 ? merged : [{ action: invented, from: 0, to: actions.length }]
  return split(joined(all, steps.most), steps.fewest, actions.length)
}

/** A goal for each run, told apart where one action comes again. */
const goalsOf = (runs: ReadonlyArray<Run>): ReadonlyArray<string> => {
  const again = [
    "",
    " again",
    " once more",
    " yet again",
    " anew",
    " another time",
    " over again",
    " repeatedly",
  ]
  const counts = new Map<number, number>()
  return runs.map(({ action }) => {
    const count = counts.get(action) ?? 0
    counts.set(action, count + 1)
    return `Do the ${actionName(action)}${again[count] ?? ""}`
  })
}

const draftOf = (runs: ReadonlyArray<Run>): Json => {
  const goals = goalsOf(runs)
  const reply = draftReply("structured", runs.length)
  const drafted = Array.isArray(reply.steps) ? reply.steps : []
  return { ...reply, steps: drafted.map((step, i) => ({ ...step, step_goal: goals[i] })) }
}

const stepsIn = (prompt: string): ReadonlyArray<{ readonly id: number; readonly goal: string }> =>
  [...prompt.matchAll(/^- Step (\d+): (.+)$/gmu)].map(([, id = "0", goal = ""]) => ({ id: Number(id), goal }))

/**
 * Ranges of pictures for the steps of a plan, which the model knows by their goals alone: each goes to the first run after the one
 * before that shows its action, or else to what lies between its neighbours. Borders are off by the error model.
 */
const located = (
  prompt: string,
  actions: ReadonlyArray<number>,
  errors: ErrorModel,
  random: () => number,
): Json => {
  const wanted = stepsIn(prompt)
  const runs = runsOf(actions).filter(({ action }) => action !== idle)
  const count = actions.length
  const blurred = (index: number) => Math.round(index + normal(random) * errors.borderPictures)
  let next = 0
  let earliest = 0
  // Who is asked another time for what cannot be seen guesses another place.
  const guessed = (latest: number): number =>
    readingIn(prompt) === 1 ? earliest : earliest + Math.floor(random() * Math.max(1, latest - earliest))
  const ranges = wanted.map(({ id, goal }, i) => {
    const at = runs.findIndex(
      (run, place) => place >= next && goal.startsWith(`Do the ${actionName(run.action)}`),
    )
    const run = at === -1 ? undefined : runs[at]
    if (at !== -1) next = at + 1
    // The steps that follow need a picture each, and the last one two: the last picture alone is too little for a step.
    const after = wanted.length - i - 1
    const latest = after === 0 ? count : count - after - 1
    const latestStart = after === 0 ? count - 2 : latest - 1
    const from = Math.min(
      Math.max(run === undefined ? guessed(latestStart) : blurred(run.from), earliest),
      latestStart,
    )
    const to = Math.min(Math.max(run === undefined ? from + 1 : blurred(run.to), from + 1), latest)
    earliest = to
    return { step_id: id, start_frame_index: from + 1, end_frame_index: to + 1 }
  })
  return { steps: ranges }
}

/** Which of several readings a prompt asks for. */
const readingIn = (prompt: string): number => Number(/^This is reading (\d+) /mu.exec(prompt)?.[1] ?? 1)

const refined = (prompt: string, actions: ReadonlyArray<number>): Json => {
  const draft: Json = JSON.parse(/```json\n([\s\S]*?)\n```/u.exec(prompt)?.[1] ?? "{}")
  const count = actions.length
  return refinedReply("structured", draft, [
    Math.max(1, Math.floor(count / 5)),
    Math.max(2, Math.ceil((4 * count) / 5)),
  ])
}

/**
 * Answers a call of any stage from its prompt and the pixels of its pictures. The same call gets the same answer.
 *
 * @param seed of the errors; another seed errs elsewhere
 */
export const answer = async ({ prompt, images }: Seen, errors: ErrorModel, seed: number): Promise<Json> => {
  const uncounted = images.length === 1 ? Number.POSITIVE_INFINITY : images.length
  const moments = Number(/^You see (\d+) /mu.exec(prompt)?.[1] ?? uncounted)
  const actions = await actionsIn(images, moments)
  const reading = readingIn(prompt)
  const asked = reading === 1 ? prompt.slice(0, 40) : `${prompt.slice(0, 40)} ${reading}`
  const random = seeded(seed ^ seedOf(`${asked} ${actions.join()}`))
  if (prompt.startsWith("# Task: draft")) return draftOf(perceived(actions, errors, random))
  if (prompt.startsWith("# Task: locate")) return located(prompt, actions, errors, random)
  if (prompt.startsWith("# Task: find the moment")) return { ...borderReply(prompt, actions, errors, random) }
  if (prompt.startsWith("# Task: check whether one step"))
    return { ...checkReply(prompt, actions, errors, random) }
  return refined(prompt, actions)
}
