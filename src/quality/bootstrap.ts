import { Utils } from "effect"

/** A difference between two runs and how sure it is. */
export interface PairedDifference {
  /** The figure of B minus that of A over all videos. */
  readonly difference: number
  /** Bounds of the 95 % percentile interval. */
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

const defaultResamples = 4000
const defaultSeed = 20_260_827
const tail = 0.025

/** As many videos as there are, drawn with replacement. */
const resample = <A>(videos: ReadonlyArray<A>, random: Utils.PCGRandom): ReadonlyArray<A> =>
  videos.map((video) => videos[random.integer(videos.length)] ?? video)

/**
 * Paired bootstrap over videos: both runs are resampled together, so that a video that is hard for both moves neither.
 *
 * @param videos what both runs made of each video that both have
 * @param figure a score of one run over a list of its videos
 */
export const pairedBootstrap = <A>(
  videos: ReadonlyArray<readonly [a: A, b: A]>,
  figure: (videos: ReadonlyArray<A>) => number,
  { resamples = defaultResamples, seed = defaultSeed }: BootstrapSettings = {},
): PairedDifference => {
  const random = new Utils.PCGRandom(seed)
  const differenceOf = (sample: ReadonlyArray<readonly [A, A]>) =>
    figure(sample.map(([, b]) => b)) - figure(sample.map(([a]) => a))
  const differences = Array.from({ length: resamples }, () =>
    differenceOf(resample(videos, random)),
  ).toSorted((x, y) => x - y)
  const low = differences[Math.floor(resamples * tail)] ?? 0
  const high = differences[Math.floor(resamples * (1 - tail))] ?? 0
  return { difference: differenceOf(videos), low, high, isShown: low > 0 || high < 0 }
}
