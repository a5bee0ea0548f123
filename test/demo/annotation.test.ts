import { describe, expect, test } from "bun:test"
import { highLevelGoal, writtenSteps } from "../../src/demo/annotation.ts"
import { drawFrame, scene } from "../../src/demo/scene.ts"
import { textProblemsWithin } from "../../src/plan/text-rules.ts"

const { width, height, fps } = scene

type Colour = "amber" | "blue" | "red" | "steel" | "other"

/** What the pixel at `x`, `y` belongs to at a time in seconds, by its colour. */
const seenAt = (seconds: number, x: number, y: number): Colour => {
  const pixels = new Uint8Array(width * height * 4)
  drawFrame(Math.round(seconds * fps), pixels)
  const [r = 0, g = 0, b = 0] = pixels.subarray((y * width + x) * 4, (y * width + x) * 4 + 3)
  if (r > 200 && g < 90 && b < 90) return "red"
  if (b > 150 && r < 80) return "blue"
  if (r > 220 && g > 110 && g < 215 && b < 110) return "amber"
  if (r < 110 && g < 120 && b < 135) return "steel"
  return "other"
}

/** What is drawn at the two keyframes of each step: `[x, y, what is there]`. */
const drawn: ReadonlyArray<ReadonlyArray<ReadonlyArray<readonly [x: number, y: number, seen: Colour]>>> = [
  [
    // The red cube is still on the table, then high above it; the blue block stays.
    [
      [178, 276, "red"],
      [280, 276, "blue"],
    ],
    [
      [178, 276, "other"],
      [178, 150, "red"],
      [280, 276, "blue"],
    ],
  ],
  [
    // It is on its way to the right, then on the blue block, without fingers at its sides.
    [
      [178, 150, "other"],
      [280, 276, "blue"],
      [280, 224, "other"],
    ],
    [
      [280, 224, "red"],
      [280, 276, "blue"],
      [252, 232, "other"],
    ],
  ],
  [
    // The jug stands on the table with liquid in it, then there is none where it stood.
    [
      [514, 285, "amber"],
      [408, 285, "other"],
    ],
    [
      [514, 285, "other"],
      [408, 285, "other"],
    ],
  ],
  [
    // The stream falls into the glass, which is empty but for that; then the glass holds liquid and the jug is back.
    [
      [413, 222, "amber"],
      [395, 275, "other"],
      [514, 285, "other"],
    ],
    [
      [413, 222, "other"],
      [408, 280, "amber"],
      [514, 288, "amber"],
    ],
  ],
  [
    // The stack has hardly moved, then it stands on the marked square.
    [
      [275, 276, "blue"],
      [275, 224, "red"],
      [92, 276, "other"],
    ],
    [
      [92, 276, "blue"],
      [92, 224, "red"],
      [280, 276, "other"],
    ],
  ],
]

describe("The annotation that was written by hand", () => {
  test("has the steps that are drawn, each from the end of one rest to the beginning of the next", () => {
    expect(writtenSteps.map(({ goal }) => ({ goal }))).toEqual([...scene.steps])
    expect(writtenSteps.map(({ range }) => [...range])).toEqual(
      scene.steps.map((_, i) => [scene.rests[i]?.[1] ?? 0, scene.rests[i + 1]?.[0] ?? 0]),
    )
  })

  test("has two keyframes in each step, in order", () => {
    for (const { range, keyframes } of writtenSteps) {
      const times = keyframes.map(({ atSec }) => atSec)
      const inOrder = [range[0], ...times, range[1]]
      expect(inOrder.toSorted((a, b) => a - b)).toEqual(inOrder)
      expect(times[0]).toBeLessThan(times[1] ?? 0)
    }
  })

  test("says of its keyframes what is drawn there", () => {
    const told = writtenSteps.map(({ keyframes }, step) =>
      keyframes.map(({ atSec }, i) =>
        (drawn[step]?.[i] ?? []).map(([x, y]) => [x, y, seenAt(atSec, x, y)] as const),
      ),
    )
    expect(told).toEqual(drawn.map((step) => step.map((keyframe) => [...keyframe])))
  })

  test("breaks none of the rules for texts", () => {
    expect(textProblemsWithin({ highLevelGoal, writtenSteps })).toEqual([])
  })
})
