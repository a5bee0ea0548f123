import { describe, expect, test } from "bun:test"
import { checkReply } from "../../bench/quality/check-mind.ts"
import { type DoubtedVideo, doubtFigures } from "../../bench/quality/doubt.ts"
import { noErrors, usualErrors } from "../../bench/quality/mind.ts"
import { seeded } from "../../bench/quality/random.ts"
import { actionName } from "../../bench/quality/world.ts"

const asked = `# Task: check whether one step is completed in its clip\n\n- Step: Do the ${actionName(7)} again\n`

describe("The simulated model, asked whether a step is completed", () => {
  test("goes by what the tiles show, and by nothing else", () => {
    expect(checkReply(asked, [0, 7, 7, 7, 0], noErrors, seeded(1)).completed).toBe("yes")
    expect(checkReply(asked, [0, 7, 0], noErrors, seeded(1)).completed).toBe("yes")
    expect(checkReply(asked, [0, 8, 8, 8], noErrors, seeded(1))).toMatchObject({ completed: "no" })
    expect(checkReply(asked, [], noErrors, seeded(1)).completed).toBe("no")
  })

  test("errs: it overlooks what shows in one tile, and agrees now and then with what does not show", () => {
    const random = seeded(1)
    const share = (actions: ReadonlyArray<number>) =>
      Array.from({ length: 2000 }, () => checkReply(asked, actions, usualErrors, random)).filter(
        ({ completed }) => completed === "yes",
      ).length / 2000
    expect(share([0, 7, 0])).toBeCloseTo(0.6, 1)
    expect(share([7, 7, 7, 7])).toBeCloseTo(0.97, 1)
    expect(share([0, 8, 8])).toBeCloseTo(0.1, 1)
  })
})

/** Two steps that happen, from 10 to 20 and from 20 to 30 seconds. */
const world = {
  videoId: "w",
  durationSec: 40,
  rate: 5,
  cutsSec: [],
  steps: [
    { startSec: 10, endSec: 20, action: 7 },
    { startSec: 20, endSec: 30, action: 8 },
  ],
}

const stepAt = (stepId: number, action: number, startSec: number, endSec: number) => ({
  stepId,
  stepGoal: `Do the ${actionName(action)}`,
  startSec,
  endSec,
})

const doubted = (
  steps: DoubtedVideo["video"]["steps"],
  flaggedSteps: ReadonlyArray<number> = [],
  spreads: Readonly<Record<string, number>> = {},
): DoubtedVideo => {
  const flags = Object.entries(spreads).flatMap(([border, spread_frames]) => {
    const [id, side] = border.split(" ")
    return spread_frames > 2
      ? [
          {
            step_id: Number(id),
            side: side === "start" ? ("start" as const) : ("end" as const),
            flag: "disagreement" as const,
            spread_frames,
            spread_sec: spread_frames,
          },
        ]
      : []
  })
  const outcome = { status: "completed" as const, attempts: 0, warnings: [], wall_time_sec: 0 }
  return {
    world,
    spreads: new Map(Object.entries(spreads)),
    video: {
      steps,
      summary: {
        readings: { ...outcome, record: "readings.json", flags, readings: [] },
        verify: {
          ...outcome,
          steps: flaggedSteps.map((step_id) => ({ step_id, flag: "not_completed" as const, looks: [] })),
        },
      },
    },
  }
}

describe("Flags against what is wrong", () => {
  test("nothing is wrong in what is right to a frame of the pool", () => {
    const video = doubted([stepAt(1, 7, 11, 20), stepAt(2, 8, 20, 29.5)])
    expect(doubtFigures([video], 1)).toMatchObject({ claims: 6, wrong: 0, flagged: 0, wrongFlagged: 0 })
  })

  test("a step of which its clip shows nothing is wrong with both of its borders; its flag counts for all three", () => {
    const steps = [stepAt(1, 7, 10, 20), stepAt(2, 8, 31, 39)]
    expect(doubtFigures([doubted(steps)], 1)).toMatchObject({ wrong: 0.5, flagged: 0, wrongFlagged: 0 })
    expect(doubtFigures([doubted(steps, [2])], 1)).toMatchObject({
      wrong: 0.5,
      flagged: 0.5,
      wrongFlagged: 1,
      wrongSteps: 1,
      wrongBorders: 2,
    })
    expect(doubtFigures([doubted(steps, [1])], 1)).toMatchObject({ flagged: 0.5, wrongFlagged: 0 })
  })

  test("a border too far off is wrong by itself, and the most doubtful is looked at first", () => {
    const steps = [stepAt(1, 7, 10, 25), stepAt(2, 8, 25, 30)]
    const figures = doubtFigures([doubted(steps, [], { "1 end": 4, "2 start": 1, "1 start": 1 })], 1)
    expect(figures).toMatchObject({ wrong: 2 / 6, flagged: 1 / 6, wrongFlagged: 0.5, wrongSteps: 0 })
    const [nothing, , , fifth] = figures.curve
    expect(nothing).toEqual({ looked: 0, found: 0, risk: 2 / 6 })
    // One claim of six is a sixth: then comes a share of those that are as doubtful as the next.
    expect(fifth?.found).toBeGreaterThan(0.5)
  })
})
