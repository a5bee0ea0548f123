import { seeded } from "./random.ts"

/** What happens in a drawn video: the truth that nobody but the scorer is told. */
export interface World {
  readonly videoId: string
  readonly durationSec: number
  /** Pictures a second. */
  readonly rate: number
  /** In order, without overlap. Between them nothing happens. */
  readonly steps: ReadonlyArray<WorldStep>
  /** Seconds at which the view changes. */
  readonly cutsSec: ReadonlyArray<number>
}

export interface WorldStep {
  readonly startSec: number
  readonly endSec: number
  /** What is done, 1 to 255. The same action may come again. */
  readonly action: number
}

export const idle = 0
const rate = 5

/** A name of an action that holds no number. */
export const actionName = (action: number): string => {
  const [consonants, vowels] = ["bdfgklmnprst", "aeiou"]
  const syllable = (value: number) =>
    `${consonants[value % consonants.length] ?? "b"}${vowels[Math.floor(value / consonants.length) % vowels.length] ?? "a"}`
  return `${syllable(action % 60)}${syllable((action * 7 + 11) % 60)}${syllable((action * 13 + 5 + Math.floor(action / 60) * 17) % 60)}`
}

const shortestSec = 0.6
const mostActions = 200

/** On the grid of the pictures, so that a border is a picture's own time. */
const onGrid = (seconds: number): number => Math.round(seconds * rate) / rate

/**
 * Draws up a world: 3 to 8 steps whose lengths differ by orders of magnitude, from about half a second to a third of the video,
 * with idle stretches before, after and between some, an action that comes twice, and cuts.
 */
export const makeWorld = (seed: number, durationSec: number): World => {
  const random = seeded(seed)
  const count = 3 + Math.floor(random() * 6)
  // Lengths spread evenly over their logarithm.
  const longest = Math.log(durationSec / 3 / shortestSec)
  const lengths = Array.from({ length: count }, () => shortestSec * Math.exp(random() * longest))
  const gaps = Array.from({ length: count + 1 }, () => (random() < 0.6 ? random() ** 3 : 0))
  const stepsSec = lengths.reduce((sum, length) => sum + length, 0)
  const scale = Math.min(1, (0.9 * durationSec) / stepsSec)
  const idleSec = durationSec - stepsSec * scale
  const gapSum = gaps.reduce((sum, gap) => sum + gap, 0) || 1
  const actions = Array.from({ length: count }, () => 1 + Math.floor(random() * mostActions))
  // Something is done again, but never twice in a row: nobody could see the border.
  if (count > 3) actions[count - 1] = actions[0] ?? 1
  const steps: Array<WorldStep> = []
  let time = ((gaps[0] ?? 0) / gapSum) * idleSec
  for (const [i, length] of lengths.entries()) {
    const startSec = Math.max(onGrid(time), steps.at(-1)?.endSec ?? 0)
    const endSec = Math.min(durationSec, Math.max(startSec + shortestSec, onGrid(time + length * scale)))
    const before = steps.at(-1)?.action
    const action = actions[i] ?? 1
    steps.push({
      startSec,
      endSec: onGrid(endSec),
      action: action === before ? (action % mostActions) + 1 : action,
    })
    time += length * scale + ((gaps[i + 1] ?? 0) / gapSum) * idleSec
  }
  const cutsSec = Array.from({ length: Math.floor(random() * 4) }, () =>
    onGrid(random() * durationSec),
  ).toSorted((a, b) => a - b)
  return { videoId: `world-${seed}-${Math.round(durationSec)}s`, durationSec, rate, steps, cutsSec }
}

/** The action under way at a time; `idle` if nothing happens. */
export const actionAt = ({ steps }: World, seconds: number): number =>
  steps.find(({ startSec, endSec }) => seconds >= startSec && seconds < endSec)?.action ?? idle
