import type { FinishedStep, FinishedVideo } from "../../src/dataset/open.ts"
import { actionName, type World, type WorldStep } from "./world.ts"

/** How far borders of steps that a plan has are from where they happened. */
export interface FoundBorders {
  /** Borders of steps that happened. */
  readonly happened: number
  /** Those of them whose step the plan has. */
  readonly found: number
  /** Seconds between what is said and what happened, one for each that was found, in order. */
  readonly errorsSec: ReadonlyArray<number>
}

/** A step that happened, and one of the plan that is about the same action. */
interface Pair {
  readonly happened: WorldStep
  readonly said: FinishedStep
}

const distanceOf = ({ happened, said }: Pair): number =>
  Math.abs(said.startSec - happened.startSec) + Math.abs(said.endSec - happened.endSec)

/** Steps of a plan with what they are about. Of an action that happens more than once, the nearest go together. */
const pairsIn = (world: World, video: FinishedVideo): ReadonlyArray<Pair> => {
  const possible = world.steps
    .flatMap((happened) =>
      video.steps
        .filter(({ stepGoal }) => stepGoal.startsWith(`Do the ${actionName(happened.action)}`))
        .map((said) => ({ happened, said })),
    )
    .toSorted((a, b) => distanceOf(a) - distanceOf(b))
  const taken = new Set<unknown>()
  return possible.filter(({ happened, said }) => {
    if (taken.has(happened) || taken.has(said)) return false
    taken.add(happened).add(said)
    return true
  })
}

const errorsOf = (world: World, video: FinishedVideo): ReadonlyArray<number> =>
  pairsIn(world, video).flatMap(({ happened, said }) => [
    Math.abs(said.startSec - happened.startSec),
    Math.abs(said.endSec - happened.endSec),
  ])

/** Pairs each step that happened with the step of the plan that is about it, and measures both of its borders. */
export const foundBorders = (
  worlds: ReadonlyArray<World>,
  videos: ReadonlyArray<FinishedVideo>,
): FoundBorders => {
  const pairs = worlds.flatMap((world) => {
    const video = videos.find(({ videoId }) => videoId === world.videoId)
    return video === undefined ? [] : [{ world, video }]
  })
  const errorsSec = pairs.flatMap(({ video, world }) => errorsOf(world, video)).toSorted((a, b) => a - b)
  return {
    happened: pairs.reduce((sum, { world }) => sum + 2 * world.steps.length, 0),
    found: errorsSec.length,
    errorsSec,
  }
}

/** The middle of these errors; undefined if there are none. */
export const medianError = ({ errorsSec }: FoundBorders): number | undefined =>
  errorsSec[Math.floor((errorsSec.length - 1) / 2)]

/** Share of the borders of steps that a plan has which are at most so far off. */
export const foundWithin = ({ errorsSec, found }: FoundBorders, sec: number): number =>
  found === 0 ? 0 : errorsSec.filter((error) => error <= sec + 1e-6).length / found
