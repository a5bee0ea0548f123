import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { defaultSheet, type RunSettings } from "../../src/config.ts"
import { validateFolder } from "../../src/dataset/validate.ts"
import { type Behaviour, isBorder, readingOf, startChatServer } from "../support/chat-server.ts"
import { rootCopy, slowVideo } from "../support/finished.ts"
import { temporaryFolder } from "../support/folders.ts"
import { foreseenRun } from "../support/foreseen.ts"
import { changedFiles, filesBelow, stampsBelow } from "../support/run-cli.ts"
import { quickSettings, runPipeline } from "../support/run-pipeline.ts"

const id = "cup"
const steps = 3
const frames = 16
const twice: Partial<RunSettings> = { samples: 2, maxFrames: frames }

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let video: string
/** Finished output roots, of which tests take copies: two readings that agree; two that do not; and a plain one. */
let agreed: string
let doubted: string
let plain: string

/** Where the first step ends by each reading; the second one ends at 11, as always. */
const endingAt =
  (...ends: ReadonlyArray<number>): Behaviour =>
  ({ prompt, stage }, good) => {
    if (stage !== 2 || isBorder(prompt)) return good
    const end = ends[Math.min(readingOf(prompt), ends.length) - 1]
    const [first, second, third] = JSON.parse(good).steps
    return JSON.stringify({
      steps: [{ ...first, end_frame_index: end }, { ...second, start_frame_index: end }, third],
    })
  }

const runWith = async (root: string, changes: Partial<RunSettings>, behave?: Behaviour) => {
  await using server = startChatServer({ steps, ...(behave === undefined ? {} : { behave }) })
  const { error, events } = await runPipeline(video, quickSettings(root, changes), server)
  return {
    error,
    flags: events.flatMap((event) => (event.type === "Flagged" ? [event.what] : [])),
    notices: events.flatMap((event) => (event.type === "Notice" ? [event.message] : [])),
    calls: [...server.calls],
    readings: server.calls.flatMap(({ prompt, stage }) =>
      stage === 2 && !isBorder(prompt) ? [readingOf(prompt)] : [],
    ),
  }
}

const json = (root: string, path: string) => JSON.parse(readFileSync(join(root, id, path), "utf8"))
const problemsOf = async (root: string) =>
  (await Effect.runPromise(validateFolder(join(root, id))))
    .map(({ file, message }) => `${file}: ${message}`)
    .filter((line) => !line.includes("4 to 7 are preferred"))

beforeAll(async () => {
  folder = await temporaryFolder()
  video = await slowVideo(folder.path, id, 120)
  plain = join(folder.path, "plain")
  agreed = join(folder.path, "agreed")
  doubted = join(folder.path, "doubted")
  for (const run of [
    () => runWith(plain, { maxFrames: frames }),
    () => runWith(agreed, twice),
    () => runWith(doubted, twice, endingAt(6, 9, 9)),
  ]) {
    const { error } = await run()
    if (error !== undefined) throw error
  }
}, 900_000)
afterAll(() => folder[Symbol.asyncDispose]())

describe("Steps that are located several times", () => {
  test("stay where they are if the readings agree, and nothing is flagged", async () => {
    const { borders, readings, samples } = json(agreed, "stage2/readings/readings.json")
    expect([samples, readings.length, borders.length]).toEqual([2, 2, 2 * steps])
    for (const { flag, frame_indices, spread_frames, spread_sec } of borders) {
      expect([flag, spread_frames, spread_sec]).toEqual([undefined, 0, 0])
      expect(new Set(frame_indices).size).toBe(1)
    }
    for (const path of ["stage2/localization_raw.json", "causal_plan_with_keyframes.json"])
      expect(readFileSync(join(agreed, id, path), "utf8")).toBe(readFileSync(join(plain, id, path), "utf8"))
    expect(await problemsOf(agreed)).toEqual([])
  })

  test("are read once more where two readings disagree, take the median, and are flagged with a number", async () => {
    await using root = await temporaryFolder()
    const { error, flags, readings } = await runWith(root.path, twice, endingAt(6, 9, 9))
    expect([error, flags]).toEqual([undefined, ["end of step 1", "start of step 2"]])
    expect(readings.toSorted()).toEqual([1, 2, 3])
    const { borders } = json(root.path, "stage2/readings/readings.json")
    const { frames: pool } = json(root.path, "stage1/frame_manifest.json")
    expect(borders[1]).toMatchObject({
      step_id: 1,
      side: "end",
      frame_indices: [6, 9, 9],
      spread_frames: 3,
      median_index: 9,
      frame_index: 9,
      flag: "disagreement",
    })
    expect(borders[1].spread_sec).toBeCloseTo(pool[8].timestamp_sec - pool[5].timestamp_sec, 5)
    const [first, second] = json(root.path, "stage2/step_segments.json").segments
    expect([first.end_frame_index, second.start_frame_index]).toEqual([9, 9])
    expect(json(root.path, "stage2/localization_raw.json").steps[0].end_frame_index).toBe(6)
    expect(json(root.path, "run_summary.json").readings.flags).toMatchObject([
      { step_id: 1, side: "end", flag: "disagreement", spread_frames: 3 },
      { step_id: 2, side: "start", flag: "disagreement", spread_frames: 3 },
    ])
    expect(await problemsOf(root.path)).toEqual([])
  })

  test("stay as they were first located where medians would break a rule, and are flagged all the same", async () => {
    await using root = await temporaryFolder()
    const backwards: Behaviour = (call, good) => {
      if (call.stage !== 2 || readingOf(call.prompt) === 1) return good
      const ranges = [
        [1, 10],
        [12, 14],
        [14, 17],
      ]
      return JSON.stringify({
        steps: ranges.map(([start, end], i) => ({
          step_id: i + 1,
          start_frame_index: start,
          end_frame_index: end,
        })),
      })
    }
    // The second step would begin at 12 and end at 11 or later: all of its borders move, or none.
    const { error, flags } = await runWith(root.path, { ...twice, samples: 3 }, backwards)
    expect(error).toBeUndefined()
    expect(flags.length).toBeGreaterThan(2)
    expect(await problemsOf(root.path)).toEqual([])
  })

  test("are kept by the next run, which asks nothing and writes nothing, but tells of the flags", async () => {
    for (const [made, told] of [
      [agreed, 0],
      [doubted, 2],
    ] as const) {
      await using root = await rootCopy(made)
      const before = stampsBelow(root.path)
      const { calls, error, flags } = await runWith(root.path, twice)
      expect([error, calls.length, flags.length]).toEqual([undefined, 0, told])
      expect(changedFiles(before, stampsBelow(root.path))).toEqual([])
    }
  })

  test("are looked at again with exact borders instead of being read once more", async () => {
    await using root = await temporaryFolder()
    const exact: Partial<RunSettings> = {
      ...twice,
      borders: { precisionSec: 0.5, input: "sheets", sheet: defaultSheet },
    }
    const { error, flags, readings } = await runWith(root.path, exact, endingAt(6, 9, 9))
    expect([error, readings.toSorted(), flags.length]).toEqual([undefined, [1, 2], 2])
    expect(await problemsOf(root.path)).toEqual([])
    expect((await runWith(root.path, exact)).calls).toHaveLength(0)
  })
})

test("a run that locates steps once leaves nothing of it", () => {
  expect(filesBelow(plain).filter((path) => path.includes("reading"))).toEqual([])
  const summary = json(plain, "run_summary.json")
  expect([summary.readings, summary.samples]).toEqual([undefined, undefined])
  expect(summary.schema_fingerprint).toBe(json(agreed, "run_summary.json").schema_fingerprint)
})

describe("A folder that was made with another number", () => {
  test("of one keeps all that it has: only the further readings are asked for", async () => {
    await using root = await rootCopy(plain)
    const { calls, error, readings } = await runWith(root.path, twice)
    expect([error, calls.length, readings]).toEqual([undefined, 1, [2]])
    expect(await problemsOf(root.path)).toEqual([])
  })

  test("of less keeps the readings that there are, and of more takes away what is not wanted", async () => {
    await using root = await rootCopy(agreed)
    expect((await runWith(root.path, { ...twice, samples: 4 })).readings.toSorted()).toEqual([3, 4])
    const fewer = await runWith(root.path, twice)
    expect([fewer.error, fewer.calls.length]).toEqual([undefined, 0])
    expect(existsSync(join(root.path, id, "stage2/readings/reading_03"))).toBe(false)
    expect(json(root.path, "run_summary.json").samples).toBe(2)
    expect(await problemsOf(root.path)).toEqual([])
  })

  test("goes back to the first reading without the option, says so, and asks anew only for the clips that change", async () => {
    await using root = await rootCopy(doubted)
    const { calls, error, notices } = await runWith(root.path, { maxFrames: frames })
    expect(error).toBeUndefined()
    expect(notices.some((text) => text.includes("because --samples was not given"))).toBe(true)
    expect(calls.map(({ stage }) => stage)).toEqual([3, 3])
    expect(filesBelow(root.path).filter((path) => path.includes("reading"))).toEqual([])
    expect(await problemsOf(root.path)).toEqual([])
  })
})

describe("A run that was cut short", () => {
  test.each([0, 1, 2])(
    "after %i further readings asks only for those it has not received",
    async (received) => {
      await using root = await temporaryFolder()
      let answered = 0
      const apart = endingAt(6, 9, 8)
      const failing: Behaviour = (call, good) =>
        call.stage === 2 && readingOf(call.prompt) > 1 && answered++ >= received
          ? new Response("no", { status: 400 })
          : apart(call, good)
      const short = { ...twice, stepConcurrency: 1 }
      const first = await runWith(root.path, { ...short, samples: 3 }, failing)
      const expected = await foreseen(root.path, { ...twice, samples: 3 })
      const second = await runWith(root.path, { ...twice, samples: 3 }, apart)
      expect(first.error?.message).toContain("Stage 2 gave up on the reading")
      expect(second.error).toBeUndefined()
      expect(second.readings).toHaveLength(3 - received)
      // What a disagreement brings is counted as what may be.
      expect(expected.calls).toBeLessThanOrEqual(second.calls.length)
      expect(expected.calls + expected.furtherCalls).toBeGreaterThanOrEqual(second.calls.length)
      const { readings, stage2 } = json(root.path, "run_summary.json")
      expect([stage2.status, readings.status]).toEqual(["completed", "completed"])
      expect(await problemsOf(root.path)).toEqual([])
    },
  )

  test("asks again for a reading that is gone, and uses one that was edited", async () => {
    await using root = await rootCopy(agreed)
    const path = join(root.path, id, "stage2/readings/reading_02/localization.json")
    const whole = readFileSync(path, "utf8")
    rmSync(path)
    expect((await runWith(root.path, twice)).readings).toEqual([2])
    writeFileSync(path, whole.replaceAll('_index": 6', '_index": 8'))
    const edited = await runWith(root.path, twice)
    expect([edited.error, edited.calls.length]).toEqual([undefined, 0])
    expect(json(root.path, "stage2/readings/readings.json").borders[1].spread_frames).toBe(2)
    writeFileSync(path, whole.replaceAll('_index": 6', '_index": 99'))
    expect((await runWith(root.path, twice)).error?.message).toContain(
      "was changed by hand and breaks a rule",
    )
  })
})

const foreseen = (root: string, changes: Partial<RunSettings> = twice) =>
  foreseenRun(video, quickSettings(root, changes))

test("a dry run counts further readings and their pictures, and is exact where they agree", async () => {
  await using untouched = await temporaryFolder()
  expect(await foreseen(untouched.path)).toMatchObject({ calls: 3 + 5, furtherCalls: 1, failures: [] })
  await using root = await rootCopy(plain)
  const expected = await foreseen(root.path)
  const { calls } = await runWith(root.path, twice)
  expect([expected.calls, expected.images]).toEqual([calls.length, frames])
  for (const made of [root.path, doubted])
    expect(await foreseen(made)).toMatchObject({ calls: 0, furtherCalls: 0, images: 0, failures: [] })
})

describe("validate", () => {
  test.each([
    [
      "a spread",
      "stage2/readings/readings.json",
      '"spread_frames": 3',
      '"spread_frames": 2',
      "spread_frames",
    ],
    ["a flag", "stage2/readings/readings.json", ',\n      "flag": "disagreement"', "", "flag"],
    [
      "a border that no reading has",
      "stage2/readings/readings.json",
      '"frame_index": 9',
      '"frame_index": 8',
      "frame_index",
    ],
    [
      "a reading",
      "stage2/readings/reading_02/localization.json",
      '_index": 9',
      '_index": 8',
      "readings[1].steps",
    ],
    ["a flag of the summary", "run_summary.json", '"side": "end"', '"side": "start"', "readings.flags"],
    [
      "a segment that stays at the first reading",
      "stage2/step_segments.json",
      '"end_frame_index": 9',
      '"end_frame_index": 6',
      "end_frame_index",
    ],
  ])("tells of %s", async (_what, path, from, to, told) => {
    await using root = await rootCopy(doubted)
    const file = join(root.path, id, path)
    const text = readFileSync(file, "utf8")
    const changed = text.replace(from, to)
    expect(changed).not.toBe(text)
    writeFileSync(file, changed)
    expect((await problemsOf(root.path)).join("\n")).toContain(told)
  })
})
