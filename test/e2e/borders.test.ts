import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { type BorderSettings, defaultSheet, type RunSettings } from "../../src/config.ts"
import { inOutputRoot } from "../../src/dataset/DatasetStore.ts"
import { errorsAmong, validateFolder } from "../../src/dataset/validate.ts"
import * as Layers from "../../src/layers.ts"
import { makeStatusReader } from "../../src/output-root/status.ts"
import { stages } from "../../src/stages/list.ts"
import { knowing, lookIn } from "../support/border-truth.ts"
import { type Behaviour, isBorder, startChatServer } from "../support/chat-server.ts"
import { rootCopy, slowVideo } from "../support/finished.ts"
import { temporaryFolder } from "../support/folders.ts"
import { foreseenRun } from "../support/foreseen.ts"
import { readFrameNumber } from "../support/media.ts"
import { changedFiles, filesBelow, stampsBelow } from "../support/run-cli.ts"
import { quickSettings, runPipeline } from "../support/run-pipeline.ts"

const id = "cup"
const sheets: BorderSettings = { precisionSec: 0.5, input: "sheets", sheet: defaultSheet }
const frames: BorderSettings = { ...sheets, input: "frames" }

/** When the steps end in truth: a pool of eight frames over a minute does not show that. */
const endsSec = { 1: 11.3, 2: 36.2 }
const truth = knowing(endsSec)

let folder: Awaited<ReturnType<typeof temporaryFolder>>
/** Four frames a second for a minute. */
let video: string
/** A finished output root with contact sheets, and one without borders looked at again; tests work on copies. */
let refined: string
let plain: string

const steps = 3
/** Steps are only looked at closely where that matters. */
const early = { stages: ["draft", "localize", "borders", "cut"] }

const settings = (root: string, borders: BorderSettings | undefined, changes: Partial<RunSettings> = {}) =>
  quickSettings(root, { ...(borders === undefined ? {} : { borders }), ...changes })

const runWith = async (
  root: string,
  borders: BorderSettings | undefined,
  behave: Behaviour = truth,
  changes: Partial<RunSettings> = early,
) => {
  await using server = startChatServer({ behave, steps })
  const { error, events } = await runPipeline(video, settings(root, borders, changes), server)
  const notices = events.flatMap((event) => (event.type === "Notice" ? [event.message] : []))
  return {
    error,
    flags: events.flatMap((event) => (event.type === "Flagged" ? [`${event.what}: ${event.flag}`] : [])),
    notices,
    calls: [...server.calls],
    looks: server.calls.filter(({ prompt }) => isBorder(prompt)),
  }
}

const json = (root: string, path: string) => JSON.parse(readFileSync(join(root, id, path), "utf8"))
const problemsOf = async (root: string) =>
  (await Effect.runPromise(validateFolder(join(root, id))))
    .map(({ file, message }) => `${file}: ${message}`)
    .filter((line) => !/Stage 3 is not run yet|4 to 7 are preferred/u.test(line))

beforeAll(async () => {
  folder = await temporaryFolder()
  video = await slowVideo(folder.path, id, 240)
  refined = join(folder.path, "refined")
  plain = join(folder.path, "plain")
  for (const [root, borders] of [
    [refined, sheets],
    [plain, undefined],
  ] as const) {
    const { error } = await runWith(root, borders, truth, {})
    if (error !== undefined) throw error
  }
}, 900_000)
afterAll(() => folder[Symbol.asyncDispose]())

const statusOf = (root: string) =>
  Effect.runPromise(makeStatusReader(stages).pipe(inOutputRoot(root), Effect.provide(Layers.localRoots)))

/** The first frame at or after a time: four a second. */
const frameFrom = (seconds: number): number => Math.ceil(seconds * 4) / 4

describe("Borders that are looked at again", () => {
  test("are the exact times of the frames at which steps really end and begin", async () => {
    const { segments } = json(refined, "stage2/step_segments.json")
    for (const [i, segment] of segments.entries()) {
      if (i === segments.length - 1) continue
      const end = frameFrom(Object.values(endsSec)[i] ?? 0)
      expect(segment.end_sec).toBe(end)
      expect(segments[i + 1].start_sec).toBe(end)
    }
    expect(segments[0]).toMatchObject({
      boundary_source: { start: "video", end: "refined" },
      levels: { start: 0, end: 2 },
    })
    expect(segments[0].spacing_sec.end).toBeLessThanOrEqual(0.5)
    expect(segments.at(-1).boundary_source).toEqual({ start: "refined", end: "video" })
    expect(await problemsOf(refined)).toEqual([])
  })

  test("have indices of the entries of the pool that enclose them", () => {
    const { frames: pool } = json(refined, "stage1/frame_manifest.json")
    for (const segment of json(refined, "stage2/step_segments.json").segments) {
      const { end_frame_index: end, end_sec, start_frame_index: start, start_sec } = segment
      expect(pool[start - 1].timestamp_sec).toBeLessThanOrEqual(start_sec)
      expect(pool[start]?.timestamp_sec ?? Number.POSITIVE_INFINITY).toBeGreaterThan(start_sec)
      expect(pool[end - 1]?.timestamp_sec ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(end_sec)
      expect(pool[end - 2].timestamp_sec).toBeLessThan(end_sec)
    }
  })

  test("leave every look on disk: a sheet of its frames in order, prompts, the reply, and what was asked", async () => {
    const { borders } = json(refined, "stage2/borders/borders.json")
    expect(borders).toHaveLength(4)
    const looks = borders.flatMap(
      ({ levels_asked }: { levels_asked: Array<{ folder: string }> }) => levels_asked,
    )
    expect(looks).toHaveLength(4)
    for (const { folder: dir, frames: count, from_sec, to_sec } of looks) {
      const sheet = json(refined, `${dir}/contact_sheet.json`)
      expect(sheet.frames).toHaveLength(count)
      expect([sheet.frames[0].timestamp_sec, sheet.frames.at(-1).timestamp_sec]).toEqual([from_sec, to_sec])
      expect(readdirSync(join(refined, id, dir)).toSorted()).toEqual([
        "border.json",
        "contact_sheet.jpg",
        "contact_sheet.json",
        "stage2_border_raw_response.call.json",
        "stage2_border_raw_response.txt",
        "stage2_border_system_prompt.txt",
        "stage2_border_user_prompt.txt",
      ])
    }
  })

  test("are shown in one picture a look, or each frame by itself with its time in a badge", async () => {
    await using root = await temporaryFolder()
    const each = await runWith(root.path, frames)
    expect(each.error).toBeUndefined()
    for (const call of each.looks) expect(call.images).toHaveLength(lookIn(call).times.length)
    const dir = json(root.path, "stage2/borders/borders.json").borders[1].levels_asked[0].folder
    const { frames: listed } = json(root.path, `${dir}/frame_manifest.json`)
    for (const { image_relpath, original_frame_index } of listed)
      expect(await readFrameNumber(readFileSync(join(root.path, id, dir, image_relpath)))).toBe(
        original_frame_index,
      )
    const { segments } = json(root.path, "stage2/step_segments.json")
    for (const [step, end] of Object.entries(endsSec)) {
      const { end_sec, spacing_sec } = segments[Number(step) - 1]
      expect(spacing_sec.end).toBeLessThanOrEqual(0.5)
      expect(end_sec).toBeGreaterThanOrEqual(end)
      expect(end_sec - spacing_sec.end).toBeLessThan(end)
    }
    expect(await problemsOf(root.path)).toEqual([])
    await using other = await temporaryFolder()
    const { looks } = await runWith(other.path, sheets)
    for (const { images } of looks) expect(images).toHaveLength(1)
  })

  test("are kept by the next run, which asks nothing and writes nothing", async () => {
    await using root = await rootCopy(refined)
    const before = stampsBelow(root.path)
    const { calls, error } = await runWith(root.path, sheets, truth, {})
    expect([error, calls.length]).toEqual([undefined, 0])
    expect(changedFiles(before, stampsBelow(root.path))).toEqual([])
  })

  test("are looked at again in a folder that was made without, which keeps its plan", async () => {
    await using root = await rootCopy(plain)
    const { calls, error, looks } = await runWith(root.path, sheets, truth, {})
    expect(error).toBeUndefined()
    expect(calls.filter(({ prompt, stage }) => stage < 3 && !isBorder(prompt))).toEqual([])
    expect(looks).toHaveLength(4)
    // The clips of all steps have changed.
    expect(calls.filter(({ stage }) => stage === 3)).toHaveLength(steps)
    expect(await problemsOf(root.path)).toEqual([])
    const without = await runWith(root.path, undefined)
    expect(without.error?.message).toContain("prompts/structured/stage2_border.md")
    expect(without.calls).toHaveLength(0)
  })

  test("go, with all that they have left, when everything is made again without them", async () => {
    await using root = await rootCopy(refined)
    expect((await runWith(root.path, undefined, truth, { overwrite: true })).error).toBeUndefined()
    expect(existsSync(join(root.path, id, "stage2/borders"))).toBe(false)
    const { borders, border_config, schema_fingerprint } = json(root.path, "run_summary.json")
    expect([borders, border_config]).toEqual([undefined, undefined])
    expect(schema_fingerprint).toBe(json(plain, "run_summary.json").schema_fingerprint)
    expect(await problemsOf(root.path)).toEqual([])
  })

  test("are finer once less is asked for: the levels there are kept", async () => {
    await using root = await temporaryFolder()
    expect((await runWith(root.path, { ...sheets, precisionSec: 2 })).looks).toHaveLength(2)
    expect((await runWith(root.path, sheets)).looks).toHaveLength(2)
    const coarser = await runWith(root.path, { ...sheets, precisionSec: 2 })
    expect(coarser.looks).toHaveLength(0)
    expect(existsSync(join(root.path, id, "stage2/borders/border_02/level_2"))).toBe(false)
    expect(await problemsOf(root.path)).toEqual([])
  })
})

test("a run that does not look at borders again leaves nothing of them", () => {
  expect(filesBelow(plain).filter((path) => path.includes("border"))).toEqual([])
  const summary = json(plain, "run_summary.json")
  expect(Object.keys(summary).filter((key) => key.includes("border"))).toEqual([])
  expect(Object.keys(summary.schema_parts.prompts)).toEqual(["system", "stage1", "stage2", "stage3"])
  expect(readFileSync(join(plain, id, "stage2/step_segments.json"), "utf8")).not.toContain("boundary")
})

describe("What a model says of a border", () => {
  test("is no change: it stays where it was localised, and is flagged", async () => {
    await using root = await temporaryFolder()
    const unsure: Behaviour = (call, good) =>
      isBorder(call.prompt) && lookIn(call).before === 2
        ? JSON.stringify({ answer: "no_change", frame_index: 0 })
        : truth(call, good)
    const first = await runWith(root.path, sheets, unsure)
    expect([first.error, first.flags]).toEqual([undefined, ["end of step 2, start of step 3: no_change"]])
    const [, second, third] = json(root.path, "stage2/step_segments.json").segments
    const [, before] = json(plain, "stage2/step_segments.json").segments
    expect([second.end_sec, second.end_frame_index]).toEqual([before.end_sec, before.end_frame_index])
    expect([second.boundary_flags, third.boundary_flags]).toEqual([
      { end: "no_change" },
      { start: "no_change" },
    ])
    expect(second.boundary_source.end).toBe("localization")
    expect(await problemsOf(root.path)).toEqual([])
    const { flagged } = await statusOf(root.path)
    const flag = { what: "end of step 2, start of step 3", flag: "no_change" }
    expect(flagged).toEqual([{ video_id: id, flags: [flag] }])
    const kept = await runWith(root.path, sheets, unsure)
    expect([kept.calls.length, kept.flags]).toEqual([0, first.flags])
    const path = join(root.path, id, "run_summary.json")
    const { borders, ...summary } = JSON.parse(readFileSync(path, "utf8"))
    expect(borders.flags).toEqual([
      { border: 3, step_before: 2, step_after: 3, sec: second.end_sec, flag: "no_change" },
    ])
    const { flags: _flags, ...unflagged } = borders
    writeFileSync(path, JSON.stringify({ ...summary, borders: unflagged }))
    expect(await problemsOf(root.path)).toContain(
      "run_summary.json: borders.flags must be those of stage2/borders/borders.json",
    )
  })

  test("is that it lies elsewhere: it is looked for there once, and found or flagged", async () => {
    await using root = await temporaryFolder()
    // The first border lies a window later, and the second is nowhere near.
    const { error, looks } = await runWith(root.path, sheets, knowing({ 1: 30, 2: 0.5 }))
    expect(error).toBeUndefined()
    const { borders } = json(root.path, "stage2/borders/borders.json")
    const moved = borders[1].levels_asked.map(({ folder: dir }: { folder: string }) => dir.split("/").at(-1))
    expect(moved.slice(0, 2)).toEqual(["level_1", "level_1_moved"])
    expect(borders[1].sec).toBe(30)
    expect(borders[2]).toMatchObject({ boundary_flag: "outside", boundary_source: "localization" })
    expect(looks.filter((call) => lookIn(call).before === 2)).toHaveLength(2)
    expect(await problemsOf(root.path)).toEqual([])
  })

  test("has crossed another border: both stay where they were localised, and are flagged", async () => {
    await using root = await temporaryFolder()
    const { error } = await runWith(root.path, sheets, knowing({ 1: 32, 2: 28 }))
    expect(error).toBeUndefined()
    const { borders } = json(root.path, "stage2/borders/borders.json")
    expect(borders.slice(1, 3).map(({ boundary_flag }: { boundary_flag?: string }) => boundary_flag)).toEqual(
      ["clash", "clash"],
    )
    const localized = json(plain, "stage2/step_segments.json").segments
    expect(borders[1].sec).toBe(localized[0].end_sec)
    expect(await problemsOf(root.path)).toEqual([])
  })

  test("breaks a rule: it is asked again with what was wrong", async () => {
    await using root = await temporaryFolder()
    const careless: Behaviour = (call, good) =>
      isBorder(call.prompt) && call.turns.length === 0
        ? JSON.stringify({ answer: "frame", frame_index: 99 })
        : truth(call, good)
    const { error, looks } = await runWith(root.path, sheets, careless)
    expect(error).toBeUndefined()
    expect(looks).toHaveLength(8)
    expect(looks.some(({ turns }) => turns.some(({ text }) => text.includes("must be in 1..")))).toBe(true)
    expect(await problemsOf(root.path)).toEqual([])
  })
})

describe("A run that was cut short", () => {
  test("asks only for what it has not received, level by level", async () => {
    await using root = await temporaryFolder()
    let looks = 0
    const failing: Behaviour = (call, good) =>
      isBorder(call.prompt) && ++looks > 2 ? new Response("no", { status: 400 }) : truth(call, good)
    const first = await runWith(root.path, sheets, failing, { ...early, stepConcurrency: 1 })
    expect(first.error?.message).toContain("Stage 2 gave up on the border")
    const summary = json(root.path, "run_summary.json")
    expect([summary.stage2.status, summary.borders.status]).toEqual(["failed", "failed"])
    expect(
      summary.borders.levels.filter(({ status }: { status: string }) => status === "completed"),
    ).toHaveLength(2)
    const second = await runWith(root.path, sheets)
    expect(second.error).toBeUndefined()
    expect(second.looks).toHaveLength(4 - 2)
    expect(await problemsOf(root.path)).toEqual([])
    const again = json(root.path, "run_summary.json")
    expect([again.stage2.status, again.borders.status]).toEqual(["completed", "completed"])
  })

  test("makes a sheet that is damaged again, and asks nothing for it", async () => {
    await using root = await rootCopy(refined)
    const sheet = join(root.path, id, "stage2/borders/border_02/level_1/contact_sheet.jpg")
    const whole = readFileSync(sheet)
    writeFileSync(sheet, whole.subarray(0, 1000))
    const { calls, error } = await runWith(root.path, sheets)
    expect([error, calls.length]).toEqual([undefined, 0])
    expect(readFileSync(sheet).equals(whole)).toBe(true)
  })

  test("asks again for an answer that is gone, and leaves the others", async () => {
    await using root = await rootCopy(refined)
    rmSync(join(root.path, id, "stage2/borders/border_03/level_2/border.json"))
    const { error, looks } = await runWith(root.path, sheets, truth, {})
    expect(error).toBeUndefined()
    expect(looks.map((call) => lookIn(call).before)).toEqual([2])
    expect(await problemsOf(root.path)).toEqual([])
  })
})

describe("An answer that somebody has edited", () => {
  const path = "stage2/borders/border_03/level_2/border.json"

  test("is used if it passes the rules", async () => {
    await using root = await rootCopy(refined)
    writeFileSync(join(root.path, id, path), JSON.stringify({ answer: "no_change", frame_index: 0 }))
    const { error, looks } = await runWith(root.path, sheets)
    expect([error, looks.length]).toEqual([undefined, 0])
    expect(json(root.path, "stage2/borders/borders.json").borders[2].boundary_flag).toBe("no_change")
    expect(await problemsOf(root.path)).toEqual([])
  })

  test("is refused before anything is asked if it does not", async () => {
    await using root = await rootCopy(refined)
    writeFileSync(join(root.path, id, path), JSON.stringify({ answer: "frame", frame_index: 99 }))
    const { calls, error } = await runWith(root.path, sheets)
    expect(error?.message).toContain("was changed by hand and breaks a rule")
    expect(calls).toHaveLength(0)
  })
})

const foreseen = (root: string, borders: BorderSettings) => foreseenRun(video, settings(root, borders))

describe("A dry run", () => {
  test("counts the looks at borders by their spacing, and says how many more there may be", async () => {
    await using untouched = await temporaryFolder()
    const expected = await foreseen(untouched.path, sheets)
    // Two answers, five steps, and two looks at each border of five steps, the first of which may begin late.
    expect(expected.calls).toBe(2 + 5 + 6 * 2)
    expect(expected.furtherCalls).toBe(6)
    expect(expected.images).toBe(7 * 8 + 12)
    const each = await foreseen(untouched.path, frames)
    expect(each.images).toBeGreaterThan(7 * 8 + 12 * 10)
  })

  test("is exact where the localization is known, and where looks are answered already", async () => {
    await using root = await rootCopy(refined)
    const nothing = { calls: 0, furtherCalls: 0, images: 0, failures: [] }
    expect(await foreseen(root.path, sheets)).toMatchObject(nothing)
    rmSync(join(root.path, id, "stage2/borders/border_03/level_2/border.json"))
    // The look that is missing, and the steps, whose clips hang on it: what comes of the look is not known.
    const expected = await foreseen(root.path, sheets)
    expect(expected).toMatchObject({ calls: 1 + steps, furtherCalls: 1, failures: [] })
    const { calls, looks } = await runWith(root.path, sheets, truth, {})
    // The answer was the same, and the clips with it.
    expect([calls.length, looks.length]).toEqual([1, 1])
  })

  test("counts as many calls and pictures as the run then takes, from the localization on", async () => {
    for (const borders of [sheets, frames]) {
      await using root = await rootCopy(plain)
      const expected = await foreseen(root.path, borders)
      const { calls } = await runWith(root.path, borders, truth, {})
      expect(expected.calls).toBe(calls.length)
      if (borders === sheets)
        expect(expected.images).toBe(calls.reduce((sum, { images }) => sum + images.length, 0))
      expect(expected.furtherCalls).toBe(2)
    }
  })
})

describe("validate", () => {
  const damage: ReadonlyArray<readonly [string, string, (text: string) => string, string]> = [
    [
      "a border's time",
      "stage2/borders/borders.json",
      (text) => text.replace('"sec": 11.5', '"sec": 11.75'),
      "sec",
    ],
    [
      "a border's answer",
      "stage2/borders/borders.json",
      (text) => text.replace('"frame_index": 1', '"frame_index": 2'),
      "frame_index",
    ],
    [
      "a segment's source",
      "stage2/step_segments.json",
      (text) => text.replace('"end": "refined"', '"end": "localization"'),
      "boundary_source",
    ],
    [
      "a segment's spacing",
      "stage2/step_segments.json",
      (text) => text.replace(/("spacing_sec": \{\s*"start": 0,\s*"end": )/u, "$19"),
      "spacing_sec",
    ],
    [
      "a segment's exact time",
      "stage2/step_segments.json",
      (text) => text.replaceAll('"start_sec": 11.5,', '"start_sec": 11.75,'),
      "start_sec",
    ],
    [
      "a frame of a sheet",
      "stage2/borders/border_02/level_1/contact_sheet.json",
      (text) => text.replace('"frame_index_1based": 2', '"frame_index_1based": 3'),
      "frame_index_1based",
    ],
    [
      "an answer",
      "stage2/borders/border_02/level_1/border.json",
      (text) => text.replace('frame"', 'later"'),
      "answer",
    ],
    [
      "a reply",
      "stage2/borders/border_02/level_1/stage2_border_raw_response.txt",
      (text) => `${text} `,
      "sha256",
    ],
    [
      "a prompt",
      "stage2/borders/border_02/level_1/stage2_border_user_prompt.txt",
      (text) => `${text}!`,
      "sha256",
    ],
  ]

  test.each(damage)("finds %s that was changed", async (_what, file, change, told) => {
    await using root = await rootCopy(refined)
    const path = join(root.path, id, file)
    const changed = change(readFileSync(path, "utf8"))
    expect(changed).not.toBe(readFileSync(path, "utf8"))
    writeFileSync(path, changed)
    const found = errorsAmong(await Effect.runPromise(validateFolder(join(root.path, id))))
    expect(found.map(({ message }) => message).join("\n")).toContain(told)
  })

  test.each([
    "stage2/borders/borders.json",
    "stage2/borders/border_03/level_1/contact_sheet.jpg",
    "stage2/borders/border_03/level_1/contact_sheet.json",
    "stage2/borders/border_03/level_1/border.json",
    "stage2/borders/border_03/level_1/stage2_border_system_prompt.txt",
  ])("misses %s", async (file) => {
    await using root = await rootCopy(refined)
    rmSync(join(root.path, id, file))
    expect(await problemsOf(root.path)).toContainEqual(expect.stringContaining(`${file}: is missing`))
  })

  test("tells a look that is not on record, and what is said of borders where nobody has looked", async () => {
    await using root = await rootCopy(refined)
    cpSync(
      join(root.path, id, "stage2/borders/border_02/level_1"),
      join(root.path, id, "stage2/borders/border_02/level_7"),
      { recursive: true },
    )
    expect(await problemsOf(root.path)).toContain(
      "stage2/borders/border_02/level_7: is no look at a border on record; what is in it stays",
    )
    const path = join(root.path, id, "run_summary.json")
    const { borders: _borders, ...summary } = JSON.parse(readFileSync(path, "utf8"))
    writeFileSync(path, JSON.stringify(summary))
    expect((await problemsOf(root.path)).join("\n")).toContain("boundary_source")
  })
})

test("a rehearsal looks at borders again by what moves, and so does one with frames", async () => {
  for (const borders of [sheets, frames]) {
    await using root = await temporaryFolder()
    const { error } = await runPipeline(video, settings(root.path, borders), "rehearsal")
    expect(error).toBeUndefined()
    expect(await problemsOf(root.path)).toEqual([])
  }
})
