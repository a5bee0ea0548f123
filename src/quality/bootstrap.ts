import { Utils } from "effect"

/** A difference between two runs and how sure it is. */
export interface PairedDifference {
  /** The figure of the first run and of the second, over all videos. */
  readonly a: number
  readonly b: number
  /** Bounds of the percentile interval of `b - a`. The intervals of all figures hold together in 95 % of cases (Bonferroni). */
  readonly low: number
  readonly high: number
  /** Whether the interval leaves 0 out. If not, no difference is shown. */
  readonly isShown: boolean
}

export interface BootstrapSettings {
  /** Default 4,000. */
  readonly resamples?: number
  /** Default fixed, so that the same runs always compare alike. */
  readonly seed?: number
}

/** A score of one run over a list of its videos. */
export type Figure<A> = (videos: ReadonlyArray<A>) => number

const defaultResamples = 4000
const defaultSeed = 20_260_827
/** What the intervals of all figures together may leave out. */
const error = 0.05

const differenceOf = <A>(videos: ReadonlyArray<readonly [a: A, b: A]>, figure: Figure<A>): number =>
  figure(videos.map(([, b]) => b)) - figure(videos.map(([a]) => a))

/**
 * Paired bootstrap over videos: both runs are resampled together, so that a video that is hard for both moves neither. All
 * figures see the same resamples.
 *
 * @param videos what each run made of every video that both have
 * @returns one difference a figure, in their order
 */
export const pairedBootstrap = <A>(
  videos: ReadonlyArray<readonly [a: A, b: A]>,
  figures: ReadonlyArray<Figure<A>>,
  { resamples = defaultResamples, seed = defaultSeed }: BootstrapSettings = {},
): ReadonlyArray<PairedDifference> => {
  const random = new Utils.PCGRandom(seed)
  const differences = figures.map(() => new Float64Array(resamples))
  for (let i = 0; i < resamples; i++) {
    const sample = videos.map((video) => videos[random.integer(videos.length)] ?? video)
    for (const [f, figure] of figures.entries()) differences[f]?.fill(differenceOf(sample, figure), i, i + 1)
  }
  const tail = error / 2 / figures.length
  return figures.map((figure, f) => {
    const sorted = differences[f]?.sort() ?? []
    const low = sorted[Math.floor(resamples * tail)] ?? 0
    const high = sorted[Math.floor(resamples * (1 - tail))] ?? 0
    const [a, b] = [figure(videos.map(([each]) => each)), figure(videos.map(([, each]) => each))]
    return { a, b, low, high, isShown: low > 0 || high < 0 }
  })
}
