import type { Frame } from "node-av/lib"
import type { KeyPacket } from "../../bitstream/key-packet.ts"
import type { WorkerIo } from "../../threads/serve.ts"
import type { CutCall } from "../protocol.ts"
import { keyframeIndex } from "../sampling.ts"
import { Reader, SeekMissed } from "./reader.ts"

/** Frames that are wanted from a decoder, one after the other. */
export interface FrameRun {
  /** PTS, increasing, at least one. */
  readonly framePts: ReadonlyArray<number>
  /** Takes the next of them; the frame may be changed, and is valid until this returns. */
  readonly add: (frame: Frame, pts: number) => void
  /** All have come. */
  readonly end: () => void
}

/** Runs that one range of decoding serves. */
interface DecodeRange {
  readonly from: KeyPacket | undefined
  readonly runs: Array<FrameRun>
  lastPts: number
}

const firstOf = (run: FrameRun): number => run.framePts[0] ?? 0
const lastOf = (run: FrameRun): number => run.framePts.at(-1) ?? 0

/** Decoding goes on through a gap in which it could not begin anew. */
const rangesOf = (call: CutCall, runs: ReadonlyArray<FrameRun>): ReadonlyArray<DecodeRange> => {
  const ranges: Array<DecodeRange> = []
  for (const run of runs.toSorted((a, b) => firstOf(a) - firstOf(b))) {
    const from = call.packetsTrusted ? call.keyframes[keyframeIndex(call.keyframes, firstOf(run))] : undefined
    const last = ranges.at(-1)
    if (last !== undefined && (from === undefined || from.pts <= last.lastPts)) {
      last.runs.push(run)
      last.lastPts = Math.max(last.lastPts, lastOf(run))
    } else ranges.push({ from, runs: [run], lastPts: lastOf(run) })
  }
  return ranges
}

/** Decodes one range; gives the runs that did not get their frames. */
const decodeRange = (reader: Reader, { from, runs }: DecodeRange): ReadonlyArray<FrameRun> => {
  const wanted = new Set(runs.flatMap(({ framePts }) => framePts))
  reader.start(from, from === undefined ? undefined : wanted)
  const places = new Map(runs.map((run) => [run, 0]))
  const missed: Array<FrameRun> = []
  const give = (run: FrameRun) => {
    places.delete(run)
    missed.push(run)
  }
  while (places.size > 0) {
    const out = reader.next()
    if (out === undefined) break
    for (const [run, place] of places) {
      const next = run.framePts[place]
      if (next === undefined || out.pts < next) continue
      // With nothing left out and nothing jumped over, damage looks as it does to everybody.
      if (out.pts > next || (from !== undefined && reader.damage.length > 0)) {
        give(run)
        continue
      }
      run.add(out.frame, out.pts)
      places.set(run, place + 1)
      if (place + 1 < run.framePts.length) continue
      places.delete(run)
      run.end()
    }
  }
  return [...missed, ...places.keys()]
}

/**
 * Decodes what the runs want, each range of the video once, and gives the runs that did not get all their frames: their
 * packets are not what the index says, or damaged.
 */
export const decodeRuns = (
  call: CutCall,
  io: WorkerIo,
  runs: ReadonlyArray<FrameRun>,
): ReadonlyArray<FrameRun> => {
  if (runs.length === 0) return []
  using reader = new Reader(call, io)
  return rangesOf(call, runs).flatMap((range) => {
    try {
      return decodeRange(reader, range)
    } catch (error) {
      if (error instanceof SeekMissed) return range.runs
      throw error
    }
  })
}

/** Decodes from the start of the file, nothing left out. `false` if the run did not get all its frames. */
export const decodeRunFromStart = (call: CutCall, io: WorkerIo, run: FrameRun): boolean => {
  using reader = new Reader(call, io)
  return decodeRange(reader, { from: undefined, runs: [run], lastPts: lastOf(run) }).length === 0
}

/**
 * Which of these frames come out of a decode from the start of the file, nothing left out.
 *
 * @param framePts increasing
 */
export const decodableFrames = (
  call: CutCall,
  io: WorkerIo,
  framePts: ReadonlyArray<number>,
): ReadonlyArray<number> => {
  using reader = new Reader(call, io)
  reader.start(undefined)
  const found: Array<number> = []
  const last = framePts.at(-1) ?? 0
  const wanted = new Set(framePts)
  for (let out = reader.next(); out !== undefined; out = reader.next()) {
    if (wanted.has(out.pts) && out.pts > (found.at(-1) ?? Number.NEGATIVE_INFINITY)) found.push(out.pts)
    if (found.at(-1) === last) break
  }
  return found
}
