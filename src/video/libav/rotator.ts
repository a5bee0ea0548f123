import type { Frame } from "node-av/lib"
import type { Orientation } from "../../picture/orientation.ts"
import { VideoFailure } from "../VideoFailure.ts"
import { type FilterStep, makeFilterChain } from "./filter-chain.ts"

const TURNS: Readonly<Record<Orientation["rotationDegrees"], ReadonlyArray<FilterStep>>> = {
  0: [],
  90: [["transpose", "dir=clock"]],
  180: [
    ["hflip", null],
    ["vflip", null],
  ],
  270: [["transpose", "dir=cclock"]],
}

/** Turns the pixels of frames upright. */
export interface Rotator extends Disposable {
  /** The frame turned, valid until the next one; the given one stays as it is. */
  readonly rotate: (frame: Frame) => Frame
}

/**
 * A rotator for frames that are like the first. `CutFailed` if libav refuses one.
 *
 * @param file for error messages
 */
export const makeRotator = (file: string, first: Frame, orientation: Orientation): Rotator => {
  const mirror: ReadonlyArray<FilterStep> = orientation.mirrored ? [["hflip", null]] : []
  const chain = makeFilterChain(
    first,
    [...TURNS[orientation.rotationDegrees], ...mirror],
    (why) => new VideoFailure("CutFailed", `${file}: a frame cannot be rotated: ${why}`),
  )
  return { rotate: chain.apply, [Symbol.dispose]: () => chain[Symbol.dispose]() }
}
