import type { BorderAnswer } from "../../plan/border.ts"
import { uniformFrames } from "../../video/sampling.ts"

/** Why a border is doubtful: see `docs/reference/dataset.md`, "Borders". */
export type BorderFlag = "no_change" | "outside" | "clash"

/** What a search moves in. Frames are called by their position in presentation order, from 0. */
export interface SearchSpace {
  /** Seconds of every frame of the video, on a clock that does not jump. They increase. */
  readonly seconds: ReadonlyArray<number>
  /** The search is done once the frames that are shown are at most so far apart, in seconds. */
  readonly precisionSec: number
  /** Frames of a window, at most. */
  readonly most: number
  /** Take no more frames than the number of levels needs: each is paid for by itself. */
  readonly isSparing: boolean
}

/**
 * Where a border is known to be: the frame at `hi` is the first of what comes after, and the one at `lo` was shown as what comes
 * before. `lo` is -1 where nothing comes before the video, `hi` the number of frames where nothing comes after it.
 */
export interface Bracket {
  readonly lo: number
  readonly hi: number
}

/** How far a search is. */
export interface Search {
  readonly bracket: Bracket
  /** Levels that have found the border. */
  readonly found: number
  /** The window of the next level, where it is moved; a border's window is moved once. */
  readonly moved: Reach | undefined
  readonly hasMoved: boolean
  readonly flag: BorderFlag | undefined
  readonly isDone: boolean
}

/** First and last frame of a window, both included. */
interface Reach {
  readonly from: number
  readonly to: number
}

/** The frames of one level, in order; at least two. */
export interface Window {
  readonly positions: ReadonlyArray<number>
  readonly isMoved: boolean
}

export const beginSearch = (bracket: Bracket): Search => ({
  bracket,
  found: 0,
  moved: undefined,
  hasMoved: false,
  flag: undefined,
  isDone: false,
})

const last = ({ seconds }: SearchSpace): number => seconds.length - 1

const secondsAt = (space: SearchSpace, position: number): number =>
  space.seconds[Math.max(0, Math.min(position, last(space)))] ?? 0

const lengthOf = (space: SearchSpace, { hi, lo }: Bracket): number =>
  secondsAt(space, hi) - secondsAt(space, lo)

/** Seconds between a border's frame and the one before it that was shown: the border lies within. 0 at the ends of the video. */
export const spacingOf = (space: SearchSpace, { hi, lo }: Bracket): number =>
  lo < 0 || hi > last(space) ? 0 : secondsAt(space, hi) - secondsAt(space, lo)

/** Position of the first frame at or after a time. */
const firstFrom = ({ seconds }: SearchSpace, time: number): number => {
  let low = 0
  let high = seconds.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((seconds[middle] ?? Number.POSITIVE_INFINITY) < time) low = middle + 1
    else high = middle
  }
  return low
}

/** The frames from one time to another, as far as the video goes. */
const reachOf = (space: SearchSpace, fromSec: number, toSec: number): Reach => {
  const from = Math.min(firstFrom(space, fromSec), last(space))
  const after = firstFrom(space, toSec)
  return { from, to: Math.min(last(space), secondsAt(space, after) > toSec ? after - 1 : after) }
}

/** A bracket, and its own length before and after it: the three neighbouring gaps. */
const around = (space: SearchSpace, { hi, lo }: Bracket): Reach => {
  const [start, end] = [secondsAt(space, lo), secondsAt(space, hi)]
  const gap = end - start
  const { from, to } = reachOf(space, start - gap, end + gap)
  // However uneven the frames are, a window shows what lies around the bracket.
  return { from: Math.max(0, Math.min(from, lo - 1)), to: Math.min(last(space), Math.max(to, hi + 1)) }
}

/** Times are whole microseconds; differences of them are nearly so. */
const tiniestSec = 1e-7

/** By how much the spacing falls with every level of so many frames over three gaps. */
const factorOf = (frames: number): number => (frames - 1) / 3

/** An answer can be a frame off, and real frames do not fall where they are wanted: windows aim at half of what was asked for. */
const slack = 2
const fewest = 5

/** Frames of a window: as many as there may be, or as few as need no level more. */
const countFor = ({ isSparing, most, precisionSec }: SearchSpace, spacing: number): number => {
  if (!isSparing || spacing <= precisionSec) return most
  const ratio = spacing / precisionSec
  const levels = Math.max(1, Math.ceil(Math.log(ratio) / Math.log(factorOf(most))))
  return Math.max(fewest, Math.min(most, Math.ceil(1 + 3 * (slack * ratio) ** (1 / levels))))
}

/** The frames that the next level shows; undefined if the search is over. */
export const nextWindow = (space: SearchSpace, { bracket, isDone, moved }: Search): Window | undefined => {
  const { hi, lo } = bracket
  const gap = lengthOf(space, bracket)
  const isFine = hi - lo <= 1 || gap <= space.precisionSec + tiniestSec
  if (isDone || (isFine && moved === undefined)) return undefined
  const { from, to } = moved ?? around(space, bracket)
  const shown = space.seconds.slice(from, to + 1)
  if (shown.length < 2) return undefined
  const count = Math.min(shown.length, countFor(space, gap))
  return { positions: uniformFrames(shown, count).map((i) => from + i), isMoved: moved !== undefined }
}

/** The window of the same length before or after one, which shares a gap with it. */
const beside = (space: SearchSpace, { positions }: Window, side: "before" | "after"): Reach => {
  const [first = 0, second = 0] = positions
  const [secondLast = 0, end = 0] = positions.slice(-2)
  const length = secondsAt(space, end) - secondsAt(space, first)
  return side === "before"
    ? { ...reachOf(space, secondsAt(space, second) - length, secondsAt(space, second)), to: second }
    : {
        ...reachOf(space, secondsAt(space, secondLast), secondsAt(space, secondLast) + length),
        from: secondLast,
      }
}

const stopped = (search: Search, flag: BorderFlag): Search => ({
  ...search,
  moved: undefined,
  flag,
  isDone: true,
})

/** A border found in a bracket. Frames that are very uneven can leave it as long as it was: another look would be the same. */
const foundIn = (space: SearchSpace, search: Search, bracket: Bracket): Search => ({
  ...search,
  bracket,
  found: search.found + 1,
  moved: undefined,
  isDone: lengthOf(space, bracket) >= lengthOf(space, search.bracket),
})

/**
 * What is known after the answer to a window. The first frame of a window has nothing before it that was shown: that the second part
 * has begun there means that the border lies before, unless the video begins there.
 */
export const advance = (space: SearchSpace, search: Search, window: Window, answer: BorderAnswer): Search => {
  const { positions } = window
  const [first = 0, end = 0] = [positions[0], positions.at(-1)]
  if (answer.answer === "no_change") return stopped(search, "no_change")
  const index = answer.answer === "frame" ? answer.frame_index - 1 : -1
  const hi = positions[index]
  if (hi !== undefined && index > 0) return foundIn(space, search, { lo: positions[index - 1] ?? first, hi })
  const side = answer.answer === "after" ? "after" : "before"
  if (side === "before" && first === 0) return foundIn(space, search, { lo: -1, hi: 0 })
  if (side === "after" && end === last(space)) return foundIn(space, search, { lo: end, hi: end + 1 })
  if (search.hasMoved) return stopped(search, "outside")
  return { ...search, moved: beside(space, window, side), hasMoved: true }
}

/** The frame of a window before which the most time passes: what follows from it takes the most levels. */
const widest = (space: SearchSpace, { positions }: Window): number => {
  const gaps = positions
    .slice(1)
    .map((position, i) => secondsAt(space, position) - secondsAt(space, positions[i] ?? 0))
  return 2 + gaps.indexOf(Math.max(...gaps))
}

/** The windows that a search goes through at most, but for one that is moved, where no answer is known. */
export const expectedWindows = (space: SearchSpace, from: Search): ReadonlyArray<Window> => {
  const windows: Array<Window> = []
  let search = from
  for (;;) {
    const window = nextWindow(space, search)
    if (window === undefined) return windows
    windows.push(window)
    search = advance(space, search, window, { answer: "frame", frame_index: widest(space, window) })
  }
}
