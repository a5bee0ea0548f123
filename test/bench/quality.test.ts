import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { borderReply } from "../../bench/quality/border-mind.ts"
import { qualityChart } from "../../bench/quality/chart.ts"
import { measureQuality } from "../../bench/quality/measure.ts"
import { answer, noErrors, usualErrors } from "../../bench/quality/mind.ts"
import { paintPlate, plateHeight, plateWidth, type Reading, readPlates } from "../../bench/quality/plate.ts"
import { tilesIn } from "../../bench/quality/tiles.ts"
import { actionAt, actionName, makeWorld } from "../../bench/quality/world.ts"
import { defaultSheet } from "../../src/config.ts"
import { openJpeg, pixelsOf, writeJpeg } from "../../src/picture/jpeg.ts"
import { sheetSize, tilePicture, writeSheet } from "../../src/picture/sheet.ts"
import type { Json } from "../support/replies.ts"

const [width, height] = [320, 180]

/** A grey picture with plates, as JPEG. */
const pictured = (
  plates: ReadonlyArray<readonly [x: number, y: number, reading: Reading]>,
): Promise<Uint8Array> => {
  const yuv = new Uint8Array((width * height * 3) / 2).fill(128)
  for (const [x, y, reading] of plates) paintPlate(yuv, width, height, [x, y], reading)
  const bgra = new Uint8Array(width * height * 4)
  for (let i = 0; i < width * height; i++) {
    const at = width * height + (Math.floor(i / width) >> 1) * (width / 2) + ((i % width) >> 1)
    const [luma, u, v] = [
      (yuv[i] ?? 0) - 16,
      (yuv[at] ?? 0) - 128,
      (yuv[at + (width * height) / 4] ?? 0) - 128,
    ]
    const rgb = [1.164 * luma + 1.596 * v, 1.164 * luma - 0.392 * u - 0.813 * v, 1.164 * luma + 2.017 * u]
    for (const [c, value] of rgb.toReversed().entries()) bgra[4 * i + c] = Math.max(0, Math.min(255, value))
    bgra[4 * i + 3] = 255
  }
  return writeJpeg(bgra, width, height, 95)
}

const read = async (jpeg: Uint8Array) => readPlates(await pixelsOf(openJpeg(jpeg)))

const reading = { action: 137, deciseconds: 71_999 }

describe("A plate", () => {
  test("is read back from a JPEG, several from one picture, and not from a picture without one", async () => {
    const other = { action: 3, deciseconds: 4 }
    expect(await read(await pictured([[20, 100, reading]]))).toEqual([reading])
    expect(
      await read(
        await pictured([
          [20, 20, other],
          [180, 20, reading],
        ]),
      ),
    ).toEqual([other, reading])
    expect(await read(await pictured([]))).toEqual([])
  })

  test("is read from a picture scaled to half, and is not guessed from one that is too small", async () => {
    const jpeg = await pictured([[100, 100, reading]])
    const scaled = (share: number) =>
      new Bun.Image(jpeg)
        .resize(Math.round(width * share), Math.round(height * share))
        .jpeg({ quality: 95 })
        .bytes()
    expect(await read(await scaled(0.5))).toEqual([reading])
    expect(await read(await scaled(0.1))).toEqual([])
  })

  test("with a damaged cell is nothing rather than something else", async () => {
    const pixels = await pixelsOf(openJpeg(await pictured([[100, 100, reading]])))
    for (let y = 106; y < 100 + plateHeight - 6; y++)
      for (let x = 130; x < 100 + plateWidth - 30; x++)
        pixels.rgba.fill(0, 4 * (y * width + x), 4 * (y * width + x) + 3)
    expect(readPlates(pixels)).toEqual([])
  })
})

describe("A world", () => {
  test("is the same for a seed, in order, without overlaps, and within the video", () => {
    for (let seed = 1; seed <= 50; seed++) {
      for (const durationSec of [60, 7200]) {
        const world = makeWorld(seed, durationSec)
        expect(makeWorld(seed, durationSec)).toEqual(world)
        expect(world.steps.length).toBeGreaterThanOrEqual(3)
        for (const [i, { startSec, endSec, action }] of world.steps.entries()) {
          expect(startSec).toBeGreaterThanOrEqual(world.steps[i - 1]?.endSec ?? 0)
          expect(endSec).toBeGreaterThan(startSec)
          expect(endSec).toBeLessThanOrEqual(durationSec)
          expect(actionAt(world, startSec)).toBe(action)
          expect(world.steps[i - 1]?.action).not.toBe(action)
        }
      }
    }
  })

  test("has lengths that differ by orders of magnitude, and another name for every action", () => {
    const lengths = makeWorld(5, 7200).steps.map(({ startSec, endSec }) => endSec - startSec)
    expect(Math.max(...lengths) / Math.min(...lengths)).toBeGreaterThan(10)
    expect(new Set(Array.from({ length: 255 }, (_, i) => actionName(i + 1))).size).toBe(255)
  })
})

describe("The simulated model", () => {
  const images = (actions: ReadonlyArray<number>) =>
    Promise.all(actions.map((action, i) => pictured([[100, 100, { action, deciseconds: i }]])))
  const actions = [0, 0, 5, 5, 5, 5, 9, 9, 9, 0, 7, 7, 7]

  test("says what the pictures show, nothing about what they do not show, and the same every time", async () => {
    const seen = { prompt: "# Task: draft a plan", images: await images(actions) }
    const draft = await answer(seen, noErrors, 1)
    expect(draft.steps).toMatchObject(
      [5, 9, 7].map((action) => ({ step_goal: `Do the ${actionName(action)}` })),
    )
    expect(await answer(seen, noErrors, 1)).toEqual(draft)
    const blank = await answer({ ...seen, images: [await pictured([]), await pictured([])] }, noErrors, 1)
    expect(JSON.stringify(blank)).not.toContain(actionName(5))
  })

  test("finds the steps of a plan by their goals alone", async () => {
    const goals = [5, 9, 7].map((action, i) => `- Step ${i + 1}: Do the ${actionName(action)}`)
    const seen = { prompt: `# Task: locate the steps\n${goals.join("\n")}`, images: await images(actions) }
    expect(await answer(seen, noErrors, 1)).toEqual({
      steps: [
        { step_id: 1, start_frame_index: 3, end_frame_index: 7 },
        { step_id: 2, start_frame_index: 7, end_frame_index: 10 },
        { step_id: 3, start_frame_index: 11, end_frame_index: 14 },
      ],
    })
  })

  test("makes up steps where it sees fewer than a plan must have, as one does who has to answer", async () => {
    for (const shown of [
      [0, 0, 5, 0, 0, 0],
      [0, 0, 0, 0],
      [5, 0, 0, 0, 0, 9],
    ]) {
      const { steps } = await answer({ prompt: "# Task: draft", images: await images(shown) }, noErrors, 1)
      const goals = Array.isArray(steps) ? steps.map((step) => String(step.step_goal)) : []
      expect(new Set(goals).size).toBe(3)
      for (const action of shown.filter((each) => each > 0))
        expect(goals).toContain(`Do the ${actionName(action)}`)
    }
  })

  test("errs in another way for another seed", async () => {
    const seen = { prompt: "# Task: draft", images: await images([1, 2, 2, 3, 4, 4, 0, 0, 0, 5, 6, 6, 7]) }
    const answers = await Promise.all(
      [1, 2, 3, 4, 5, 6].map(async (seed) => JSON.stringify(await answer(seen, usualErrors, seed))),
    )
    expect(new Set(answers).size).toBeGreaterThan(1)
  })
})

test("The chart has a point for every length and figure, and none without results of quality", () => {
  const figures = { f1_iou_50: 0.5, f1_iou_75: 0.25, border_recall_1s: 0 }
  const svg = qualityChart({ "quality: 1 minute": figures, "quality: 2 hours": figures, other: {} }) ?? ""
  expect(svg.match(/<circle /gu)).toHaveLength(6)
  // Half of the way between 0 at the bottom and 1 at the top.
  expect(svg).toContain('cy="180.0"')
  expect(svg).toContain(">2 hours<")
  expect(qualityChart({ other: {} })).toBeUndefined()
})

describe("The whole pipeline on a drawn video", () => {
  const measure = (settings: Parameters<typeof measureQuality>[0]) =>
    Effect.runPromise(measureQuality(settings))
  const f1 = ({ score }: Awaited<ReturnType<typeof measure>>) => score.segments.map((each) => each.f1)

  test("scores 1 when every picture is shown and the model makes no errors", async () => {
    const all = await measure({ durationSec: 12, seeds: [2], exact: true, run: { maxFrames: 60 } })
    expect(all.failures).toEqual([])
    expect(f1(all)).toEqual([1, 1, 1, 1])
    expect(all.score.boundaries.medianErrorSec).toBe(0)
    expect(all.score.soda.f1).toBe(1)
  })

  test("scores the same where every picture is a tile of a sheet", async () => {
    const run = { maxFrames: 60, poolSheet: defaultSheet, stepSheet: defaultSheet }
    const all = await measure({ durationSec: 12, seeds: [2], exact: true, run })
    expect(all.failures).toEqual([])
    expect(f1(all)).toEqual([1, 1, 1, 1])
    expect(all.score.boundaries.medianErrorSec).toBe(0)
  })

  test("scores less where it is shown less, and nothing where the plates are painted over", async () => {
    const sparse = await measure({ durationSec: 120, seeds: [3], exact: true, run: { maxFrames: 12 } })
    expect(f1(sparse).at(-1)).toBeLessThan(1)
    const blind = await measure({
      durationSec: 12,
      seeds: [2],
      exact: true,
      blind: true,
      run: { maxFrames: 12 },
    })
    expect(blind.score.soda.f1).toBe(0)
    expect(f1(blind).at(-1)).toBeLessThan(0.4)
  })
})

/** A contact sheet of pictures with plates, one for each action, as a run sends it. */
const sheetOf = async (actions: ReadonlyArray<number>): Promise<Uint8Array> => {
  const badges = actions.map((_, i) => [String(i + 1).padStart(2, "0"), `${i}.00s`])
  const size = sheetSize(defaultSheet, [width, height], badges)
  const tiles = await Promise.all(
    actions.map(async (action, i) => ({
      // The view changes in the middle of a row: plates are at other places then.
      rgba: await tilePicture(
        await pictured([[i < 8 ? 20 : 200, i < 8 ? 120 : 80, { action, deciseconds: i }]]),
        size,
      ),
      badge: badges[i] ?? [],
    })),
  )
  return writeSheet(tiles, size, 95)
}

test("The simulated model reads several sheets as one row of moments, and no place without a picture", async () => {
  const shown = [...Array<number>(20).fill(5), ...Array<number>(10).fill(9), ...Array<number>(7).fill(7)]
  const goals = [5, 9, 7].map((action, i) => `- Step ${i + 1}: Do the ${actionName(action)}`)
  const prompt = `# Task: locate the steps\n\nYou see ${shown.length} images\n\n${goals.join("\n")}`
  const images = [await sheetOf(shown.slice(0, 25)), await sheetOf(shown.slice(25))]
  expect(await answer({ prompt, images }, noErrors, 1)).toEqual({
    steps: [
      { step_id: 1, start_frame_index: 1, end_frame_index: 21 },
      { step_id: 2, start_frame_index: 21, end_frame_index: 31 },
      { step_id: 3, start_frame_index: 31, end_frame_index: 38 },
    ],
  })
})

describe("A simulated model that is asked for a border", () => {
  const [first, second] = [17, 42]
  const part = (action: number) => `step 1, Do the ${actionName(action)} (agent: a; action: b; patient: c)`
  const prompt = (before: string, after: string) =>
    `# Task: find the moment between two parts of a video\n- First part: ${before}\n- Second part: ${after}\n`
  const nothing = "nothing of the plan happens any more, or not yet"
  const moments = [
    ...Array<number>(9).fill(first),
    ...Array<number>(6).fill(0),
    ...Array<number>(10).fill(second),
  ]

  test("sees the tiles of a sheet in the order in which they are read, each by itself", async () => {
    const tiles = tilesIn(await pixelsOf(openJpeg(await sheetOf(moments))))
    expect(tiles.map((tile) => readPlates(tile)[0]?.action)).toEqual(moments)
    expect(tilesIn(await pixelsOf(openJpeg(await pictured([]))))).toHaveLength(1)
  })

  test.each<[string, string, string, Json]>([
    ["the first moment of the second step", part(first), part(second), { answer: "frame", frame_index: 16 }],
    ["the first moment after a step", part(first), nothing, { answer: "frame", frame_index: 10 }],
    ["the first moment of a step after nothing", nothing, part(second), { answer: "frame", frame_index: 16 }],
    ["that it comes later", part(first), part(99), { answer: "after", frame_index: 0 }],
    ["that it sees no change", part(98), part(99), { answer: "no_change", frame_index: 0 }],
  ])("says %s, by what it sees in the sheet alone", async (_what, before, after, wanted) => {
    const images = [await sheetOf(moments)]
    expect(await answer({ prompt: prompt(before, after), images }, noErrors, 1)).toEqual(wanted)
  })

  test("says that a step has begun before, and errs by its error model", () => {
    const none = () => 0.5
    expect(borderReply(prompt(part(first), part(second)), moments.slice(15), noErrors, none)).toEqual({
      answer: "before",
      frame_index: 0,
    })
    const overlooked = borderReply(
      prompt(part(first), part(second)),
      [first, first, second],
      usualErrors,
      () => 0.1,
    )
    expect(overlooked.answer).not.toBe("frame")
  })
})
