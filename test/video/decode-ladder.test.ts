import { describe, expect, test } from "bun:test"
import {
  type DecodeOutcome,
  type DecodeStep,
  decodeLadder,
  type WantedFrames,
} from "../../src/video/decode-ladder.ts"

/** A video with a key frame every 10 ticks. */
const call = (wantedPts: ReadonlyArray<number>, changes: Partial<WantedFrames> = {}): WantedFrames => ({
  wantedPts,
  firstPts: 0,
  keyframes: Array.from({ length: 20 }, (_, i) => ({ pts: 10 * i, dts: 10 * i })),
  packetsTrusted: true,
  ...changes,
})

/** The steps that are taken if each has the outcome that `perform` says, and whether all frames were given. */
const climb = (
  wanted: WantedFrames,
  perform: (step: DecodeStep) => DecodeOutcome,
  runUps: ReadonlyArray<number> = [4, 8],
) => {
  const ladder = decodeLadder(wanted, runUps)
  const steps: Array<string> = []
  let next = ladder.next()
  while (next.done !== true) {
    const { choice, from, gops, mayBeginEarlier, wanted: pts } = next.value
    const groups = gops.length > 1 ? ` of ${gops.length} groups` : ""
    steps.push(
      `${choice}${groups} from ${from?.pts ?? "the start"}${mayBeginEarlier ? " or earlier" : ""}: ${pts.join(" ")}`,
    )
    next = ladder.next(perform(next.value))
  }
  return { steps, isComplete: next.value }
}

const all = ({ wanted }: DecodeStep) => wanted.length

describe("the steps by which frames are decoded", () => {
  test("are one for all groups, where a backend can decode them together", () => {
    expect(climb(call([3, 14, 55]), all)).toEqual({
      steps: ["undamaged of 3 groups from the start: 3 14 55"],
      isComplete: true,
    })
  })

  test("are one for each group of which not all came out together", () => {
    const perform = (step: DecodeStep) => (step.gops.length > 1 ? 2 : all(step))
    expect(climb(call([3, 14, 15, 55]), perform).steps).toEqual([
      "undamaged of 3 groups from the start: 3 14 15 55",
      "undamaged from 10: 15",
      "undamaged from 50: 55",
    ])
  })

  test("begin earlier and earlier where something is damaged, in the end at the start of the file", () => {
    const perform = ({ from, choice, wanted }: DecodeStep) =>
      choice === "undamaged" ? 1 : from === undefined ? wanted.length : 0
    expect(climb(call([121, 122, 123]), perform)).toEqual({
      steps: [
        "undamaged from 120: 121 122 123",
        "nearest from 80 or earlier: 122 123",
        "nearest from 40: 122 123",
        "nearest from the start: 122 123",
      ],
      isComplete: true,
    })
  })

  test("are not taken twice where they would begin at the start of the file", () => {
    expect(climb(call([21]), () => 0)).toEqual({
      steps: ["undamaged from 20: 21", "nearest from the start: 21"],
      isComplete: false,
    })
    expect(climb(call([61]), () => 0).steps).toEqual([
      "undamaged from 60: 61",
      "nearest from 20 or earlier: 61",
      "nearest from the start: 61",
    ])
  })

  test("lead through the whole file where packets do not tell which frames they are, or no key frame is known", () => {
    const steps = ["nearest from the start: 5 95"]
    expect(climb(call([5, 95], { packetsTrusted: false }), all)).toEqual({ steps, isComplete: true })
    expect(climb(call([5, 95], { keyframes: [] }), all)).toEqual({ steps, isComplete: true })
  })

  test("lead through the whole file for all that is left once a jump leads elsewhere", () => {
    const perform = (step: DecodeStep): DecodeOutcome =>
      step.gops.length > 1 ? 0 : step.from?.pts === 50 ? "lost" : all(step)
    expect(climb(call([14, 55, 75]), perform)).toEqual({
      steps: [
        "undamaged of 3 groups from the start: 14 55 75",
        "undamaged from 10: 14",
        "undamaged from 50: 55",
        "nearest from the start: 55 75",
      ],
      isComplete: true,
    })
  })

  test("are none where nothing is wanted", () => {
    expect(climb(call([]), all)).toEqual({ steps: [], isComplete: true })
    expect(climb(call([], { packetsTrusted: false }), all)).toEqual({ steps: [], isComplete: true })
  })

  test("end where not one frame comes out, and say so", () => {
    expect(climb(call([5], { packetsTrusted: false }), () => 0).isComplete).toBe(false)
    expect(climb(call([5, 15]), () => 0).isComplete).toBe(false)
  })
})
