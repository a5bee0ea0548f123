import type { KeyPacket } from "../bitstream/key-packet.ts"
import { type Gop, gopsOf, type Keyframes, startOf } from "./gops.ts"

/**
 * Which frames are taken from a decode.
 *
 * - `undamaged`: the wanted ones, until one does not come out, or something was damaged.
 * - `nearest`: whatever was damaged, the wanted ones, and for each that does not come out the nearest that does, the earlier one on a
 *   tie.
 */
export type FrameChoice = "undamaged" | "nearest"

/** What a backend is to do next. */
export interface DecodeStep {
  /** Where decoding begins; `undefined` for the start of the file. */
  readonly from: KeyPacket | undefined
  /** PTS, increasing, at least one. */
  readonly wanted: ReadonlyArray<number>
  readonly choice: FrameChoice
  /**
   * The groups of pictures that hold what is wanted, where nothing but these is to be decoded. Of several, a backend that cannot
   * decode them as one stream gives no frame.
   */
  readonly gops: ReadonlyArray<Gop>
  /** Whether to give no frame where what comes before the wanted ones is damaged as well: decoding can begin earlier. */
  readonly mayBeginEarlier: boolean
}

/** How many of the wanted frames a step gave, or that a jump did not get to where decoding was to begin. */
export type DecodeOutcome = number | "lost"

/** What is known of the frames that are wanted. */
export interface WantedFrames extends Omit<Keyframes, "timeBase"> {
  /** PTS, strictly increasing. */
  readonly wantedPts: ReadonlyArray<number>
  /** Whether a packet's PTS is that of its frame. */
  readonly packetsTrusted: boolean
}

/** What is said where not one frame decodes. */
export const nothingDecodes = (file: string): string => `${file}: not one frame decodes; the file is damaged`

/** A step for one group of pictures. */
type Rung = Pick<DecodeStep, "choice" | "from" | "gops" | "mayBeginEarlier">

/**
 * First as little as possible is decoded; then, for what does not come out so, everything from some groups before, so that frames
 * look as in a decode of the whole file: what replaces the damaged part of a key frame comes from pictures before it.
 */
const rungsOf = (call: WantedFrames, gop: Gop, runUps: ReadonlyArray<number>): ReadonlyArray<Rung> => {
  const begins = [...runUps.map((groups) => startOf(call, gop.key - groups)), undefined]
  const different = begins.filter((from, i) => i === 0 || from !== begins[i - 1])
  const careful = different.map(
    (from, i): Rung => ({
      from,
      choice: "nearest",
      gops: [],
      mayBeginEarlier: from !== undefined && i < runUps.length - 1,
    }),
  )
  return [
    { from: startOf(call, gop.key), choice: "undamaged", gops: [gop], mayBeginEarlier: false },
    ...careful,
  ]
}

/**
 * The steps by which wanted frames are decoded, in order; the generator is told the outcome of each. Its end says whether all frames
 * were given. Only the groups of pictures that hold one are decoded, where packets tell which frames they are.
 *
 * @param runUps how many groups before a damaged one decoding begins, increasing
 */
export function* decodeLadder(
  call: WantedFrames,
  runUps: ReadonlyArray<number>,
): Generator<DecodeStep, boolean, DecodeOutcome> {
  const { keyframes, packetsTrusted, wantedPts } = call
  let given = 0

  /** What is left, from the start of the file. */
  function* fromStart(): Generator<DecodeStep, boolean, DecodeOutcome> {
    const wanted = wantedPts.slice(given)
    if (wanted.length === 0) return true
    const outcome = yield { from: undefined, wanted, choice: "nearest", gops: [], mayBeginEarlier: false }
    return outcome === wanted.length
  }

  if (!packetsTrusted || keyframes.length === 0) return yield* fromStart()
  const gops = gopsOf(call, wantedPts)
  if (gops.length > 1) {
    const together = { from: undefined, choice: "undamaged", gops, mayBeginEarlier: false } as const
    const outcome = yield { ...together, wanted: wantedPts }
    if (outcome !== "lost") given += outcome
  }
  for (const gop of gopsOf(call, wantedPts.slice(given))) {
    const end = given + gop.wanted.length
    for (const rung of rungsOf(call, gop, runUps)) {
      if (given === end) break
      const outcome = yield { ...rung, wanted: wantedPts.slice(given, end) }
      if (outcome === "lost") return yield* fromStart()
      given += outcome
    }
    if (given < end) return false
  }
  return true
}
