import type { FinishedStep, FinishedVideo } from "../../src/dataset/open.ts"
import { actionName, type World, type WorldStep } from "./world.ts"

/** What is looked at of a step of a dataset. */
type Said = Pick<FinishedStep, "endSec" | "startSec" | "stepGoal" | "stepId">

/** What is looked at of a dataset: its steps, and the flags on record. */
interface SaidVideo {
  readonly steps: ReadonlyArray<Said>
  readonly summary: Pick<FinishedVideo["summary"], "readings" | "verify">
}

/** Something that a dataset says: a step, or one of its borders. */
interface Claim {
  readonly kind: "step" | "border"
  readonly isWrong: boolean
  readonly isFlagged: boolean
  /** How doubtful it is said to be; what is more so is looked at first. */
  readonly doubt: number
}

/** How doubt goes with error. Shares are from 0 to 1. */
export interface DoubtFigures {
  readonly claims: number
  readonly wrong: number
  readonly flagged: number
  /** Of the wrong ones, how many are flagged; of steps and of borders by themselves, too. */
  readonly wrongFlagged: number
  readonly wrongSteps: number
  readonly wrongStepsFlagged: number
  readonly wrongBorders: number
  readonly wrongBordersFlagged: number
  /** Most doubtful first: what share of the wrong is found by looking at a share of all, and what share of the rest is wrong. */
  readonly curve: ReadonlyArray<{ readonly looked: number; readonly found: number; readonly risk: number }>
}

/** A flag of a step outweighs any spread of a border, in frames of the pool. */
const flagged = 1000

const overlapSec = (a: WorldStep, b: Said): number =>
  Math.max(0, Math.min(a.endSec, b.endSec) - Math.max(a.startSec, b.startSec))

/** The step that happened which a clip shows most of; undefined if the clip shows less than half of every one of that action. */
const shownIn = ({ steps }: World, said: Said): WorldStep | undefined =>
  steps
    .filter(({ action }) => said.stepGoal.startsWith(`Do the ${actionName(action)}`))
    .filter((step) => 2 * overlapSec(step, said) >= step.endSec - step.startSec)
    .toSorted((a, b) => overlapSec(b, said) - overlapSec(a, said))[0]

/**
 * What a dataset says of a video, and whether it is wrong. A step is wrong if its clip shows less than half of what it is about. A border is
 * wrong if its step is, or if it is further from where it happened than the frames of the pool are from each other.
 */
const claimsOf = (
  world: World,
  { steps, summary }: SaidVideo,
  spacingSec: number,
  spreads: ReadonlyMap<string, number>,
): ReadonlyArray<Claim> =>
  steps.flatMap((said): ReadonlyArray<Claim> => {
    const happened = shownIn(world, said)
    const isDoubted =
      summary.verify?.steps.some(({ flag, step_id }) => step_id === said.stepId && flag) === true
    const borders = (["start", "end"] as const).map((side): Claim => {
      const errorSec =
        happened === undefined
          ? Number.POSITIVE_INFINITY
          : Math.abs(side === "start" ? said.startSec - happened.startSec : said.endSec - happened.endSec)
      const isApart =
        summary.readings?.flags?.some((flag) => flag.step_id === said.stepId && flag.side === side) === true
      return {
        kind: "border",
        isWrong: errorSec > spacingSec + 1e-6,
        isFlagged: isDoubted || isApart,
        doubt: (isDoubted ? flagged : 0) + (spreads.get(`${said.stepId} ${side}`) ?? 0),
      }
    })
    const step: Claim = {
      kind: "step",
      isWrong: happened === undefined,
      isFlagged: isDoubted,
      doubt: (isDoubted ? flagged : 0) + Math.max(...borders.map(({ doubt }) => doubt)) / flagged,
    }
    return [step, ...borders]
  })

const sharesLooked = [0, 0.05, 0.1, 0.2, 0.3, 0.5]

/** How many wrong claims are among the first so many, the most doubtful first; of equally doubtful ones, as many as there are on average. */
const foundAmong = (claims: ReadonlyArray<Claim>, first: number): number => {
  const groups = [...Map.groupBy(claims, ({ doubt }) => doubt)].toSorted(([a], [b]) => b - a)
  let left = first
  let found = 0
  for (const [, group] of groups) {
    const taken = Math.min(left, group.length)
    found += (group.filter(({ isWrong }) => isWrong).length * taken) / group.length
    left -= taken
  }
  return found
}

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole)

const figuresOf = (claims: ReadonlyArray<Claim>): DoubtFigures => {
  const wrong = claims.filter(({ isWrong }) => isWrong)
  const flaggedAmong = (some: ReadonlyArray<Claim>) =>
    share(some.filter(({ isFlagged }) => isFlagged).length, some.length)
  const [steps, borders] = [
    wrong.filter(({ kind }) => kind === "step"),
    wrong.filter(({ kind }) => kind === "border"),
  ]
  return {
    claims: claims.length,
    wrong: share(wrong.length, claims.length),
    flagged: flaggedAmong(claims),
    wrongFlagged: flaggedAmong(wrong),
    wrongSteps: steps.length,
    wrongStepsFlagged: flaggedAmong(steps),
    wrongBorders: borders.length,
    wrongBordersFlagged: flaggedAmong(borders),
    curve: sharesLooked.map((looked) => {
      const found = foundAmong(claims, looked * claims.length)
      return {
        looked,
        found: share(found, wrong.length),
        risk: share(wrong.length - found, (1 - looked) * claims.length),
      }
    }),
  }
}

/** A dataset of a world, and the spread of its borders' readings in frames of the pool, by step and side. */
export interface DoubtedVideo {
  readonly world: World
  readonly video: SaidVideo
  readonly spreads: ReadonlyMap<string, number>
}

/** How doubt goes with error in datasets of drawn worlds, whose pools are so many seconds apart. */
export const doubtFigures = (videos: ReadonlyArray<DoubtedVideo>, spacingSec: number): DoubtFigures =>
  figuresOf(videos.flatMap(({ spreads, video, world }) => claimsOf(world, video, spacingSec, spreads)))
