import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { defaultSheet, type RunSettings } from "../../src/config.ts"
import { inOutputRoot } from "../../src/dataset/DatasetStore.ts"
import { errorsAmong, validateFolder } from "../../src/dataset/validate.ts"
import * as Layers from "../../src/layers.ts"
import { makeStatusReader } from "../../src/output-root/status.ts"
import { stages } from "../../src/stages/list.ts"
import { type Behaviour, isCheck, type SeenCall, startChatServer } from "../support/chat-server.ts"
import { rootCopy, slowVideo } from "../support/finished.ts"
import { temporaryFolder } from "../support/folders.ts"
import { foreseenRun } from "../support/foreseen.ts"
import { changedFiles, filesBelow, stampsBelow } from "../support/run-cli.ts"
import { quickSettings, runPipeline } from "../support/run-pipeline.ts"

const id = "cup"
const steps = 3
const checked: Partial<RunSettings> = { verify: { sheet: defaultSheet } }

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let video: string
/** Finished output roots, of which tests take copies: all steps completed; one refused for good; and nothing checked. */
let sound: string
let doubted: string
let plain: string

const goalIn = (prompt: string): string => /^- Step: (.+)$/mu.exec(prompt)?.[1] ?? ""
const isAgain = ({ prompt }: SeenCall): boolean => prompt.includes("# What was wrong before")
const yes = { completed: "yes", differs: "" }
const no = { completed: "no", differs: "The right_hand lays the blue_block beside the tray." }

/** Answers looks at one step in turn, as they are given; all others are completed. */
const saying = (step: number, answers: ReadonlyArray<unknown>): Behaviour => {
  let looks = 0
  return (call, good) =>
    isCheck(call.prompt) && goalIn(call.prompt) === goalOf(step)
      ? JSON.stringify(answers[Math.min(looks++, answers.length - 1)])
      : good
}

const runWith = async (root: string, changes: Partial<RunSettings>, behave?: Behaviour) => {
  await using server = startChatServer({ steps, ...(behave === undefined ? {} : { behave }) })
  const { error, events } = await runPipeline(video, quickSettings(root, changes), server)
  return {
    error,
    events,
    flags: events.flatMap((event) => (event.type === "Flagged" ? [event] : [])),
    calls: [...server.calls],
    checks: server.calls.filter(({ prompt }) => isCheck(prompt)),
    again: server.calls.filter(isAgain),
  }
}

const json = (root: string, path: string) => JSON.parse(readFileSync(join(root, id, path), "utf8"))
const folderOf = (step: number): string => {
  const name = readdirSync(join(plain, id)).find((one) => one.startsWith(`0${step}_`))
  if (name === undefined) throw new Error(`step ${step} has no folder`)
  return name
}
const goalOf = (step: number): string => json(plain, "stage1/draft_plan.json").steps[step - 1].step_goal
const problemsOf = async (root: string) =>
  errorsAmong(await Effect.runPromise(validateFolder(join(root, id)))).map(
    ({ file, message }) => `${file}: ${message}`,
  )
const statusOf = (root: string) =>
  Effect.runPromise(makeStatusReader(stages).pipe(inOutputRoot(root), Effect.provide(Layers.localRoots)))
const unnamed = async (root: string) =>
  (await Effect.runPromise(validateFolder(join(root, id))))
    .map(({ file, message }) => `${file}: ${message}`)
    .filter((line) => !line.includes("4 to 7 are preferred"))

beforeAll(async () => {
  folder = await temporaryFolder()
  video = await slowVideo(folder.path, id, 120)
  plain = join(folder.path, "plain")
  sound = join(folder.path, "sound")
  doubted = join(folder.path, "doubted")
  for (const run of [
    () => runWith(plain, {}),
    () => runWith(sound, checked),
    () => runWith(doubted, checked, saying(2, [no])),
  ]) {
    const { error } = await run()
    if (error !== undefined) throw error
  }
}, 900_000)
afterAll(() => folder[Symbol.asyncDispose]())

describe("Steps that are checked against their clips", () => {
  test("are asked for once each, in one sheet of the clip's own frames, and leave it all on disk", async () => {
    await using root = await temporaryFolder()
    const { checks, error, flags } = await runWith(root.path, checked)
    expect([error, flags]).toEqual([undefined, []])
    expect(checks.map(({ images }) => images.length)).toEqual([1, 1, 1])
    for (const step of [1, 2, 3]) {
      const dir = `${folderOf(step)}/verify`
      const { frames } = json(root.path, `${dir}/contact_sheet.json`)
      const { end_sec, start_sec } = json(root.path, "stage2/step_segments.json").segments[step - 1]
      expect(frames.length).toBeGreaterThan(3)
      for (const { timestamp_sec } of frames) {
        expect(timestamp_sec).toBeGreaterThanOrEqual(start_sec)
        expect(timestamp_sec).toBeLessThan(end_sec)
      }
      expect(readdirSync(join(root.path, id, dir)).toSorted()).toEqual([
        "contact_sheet.jpg",
        "contact_sheet.json",
        "look_1",
      ])
      expect(readdirSync(join(root.path, id, dir, "look_1")).toSorted()).toEqual([
        "stage3_verify_raw_response.call.json",
        "stage3_verify_raw_response.txt",
        "stage3_verify_system_prompt.txt",
        "stage3_verify_user_prompt.txt",
        "verification.json",
      ])
    }
    const { stage3, totals, verify, verify_config } = json(root.path, "run_summary.json")
    expect([stage3.status, verify.status, totals.calls]).toEqual(["completed", "completed", 2 + 2 * steps])
    expect(verify.steps.map(({ verdict }: { verdict: string }) => verdict)).toEqual(["yes", "yes", "yes"])
    expect(verify_config).toEqual({ columns: 5, rows: 5, tile_px: 224 })
    expect(await unnamed(root.path)).toEqual([])
  })

  test("leave the plan of a run without as it is", () => {
    for (const path of ["causal_plan_with_keyframes.json", `${folderOf(2)}/step_final.json`])
      expect(readFileSync(join(sound, id, path), "utf8")).toBe(readFileSync(join(plain, id, path), "utf8"))
  })

  test("are kept by the next run, which asks nothing and writes nothing, but tells of the flags", async () => {
    for (const [made, flagged] of [
      [sound, 0],
      [doubted, 1],
    ] as const) {
      await using root = await rootCopy(made)
      const before = stampsBelow(root.path)
      const { calls, error, flags } = await runWith(root.path, checked)
      expect([error, calls.length, flags.length]).toEqual([undefined, 0, flagged])
      expect(changedFiles(before, stampsBelow(root.path))).toEqual([])
    }
  })
})

test("a run that checks nothing leaves nothing of it", () => {
  expect(filesBelow(plain).filter((path) => path.includes("verif"))).toEqual([])
  const summary = json(plain, "run_summary.json")
  expect(Object.keys(summary).filter((key) => key.includes("verif"))).toEqual([])
  expect(Object.keys(summary.schema_parts.prompts)).toEqual(["system", "stage1", "stage2", "stage3"])
})

describe("A step that its clip does not show", () => {
  test("is refined once more with the reason, and is well if the second look says so", async () => {
    await using root = await temporaryFolder()
    const { again, checks, error, events, flags } = await runWith(root.path, checked, saying(2, [no, yes]))
    expect([error, flags]).toEqual([undefined, []])
    expect([again.length, checks.length]).toEqual([1, steps + 1])
    expect(again[0]?.prompt).toContain(no.differs)
    const notices = events.flatMap((event) => (event.type === "Notice" ? [event.message] : []))
    expect(notices.some((text) => text.includes("step 2 is refined once more"))).toBe(true)
    const [, verified] = json(root.path, "run_summary.json").verify.steps
    expect(verified).toMatchObject({ verdict: "yes" })
    expect([verified.flag, verified.looks.length]).toEqual([undefined, 2])
    expect(existsSync(join(root.path, id, folderOf(2), "verify/look_1/step_refused.json"))).toBe(true)
    expect(await unnamed(root.path)).toEqual([])
  })

  test("is flagged if it still does not: in the summary, to who listens, and in the status of the root", async () => {
    const [, verified] = json(doubted, "run_summary.json").verify.steps
    expect(verified).toMatchObject({ verdict: "no", flag: "not_completed", differs: no.differs })
    expect(await unnamed(doubted)).toEqual([])
    const status = await statusOf(doubted)
    expect(status.done).toEqual([id])
    expect(status.flagged).toEqual([{ video_id: id, flags: [{ what: "step 2", flag: "not_completed" }] }])
    await using root = await rootCopy(doubted)
    const { flags } = await runWith(root.path, checked)
    expect(flags).toEqual([
      { type: "Flagged", videoId: id, what: "step 2", flag: "not_completed", why: no.differs },
    ])
  })

  test("is flagged at once, and not refined again, if nobody can tell", async () => {
    await using root = await temporaryFolder()
    const unclear = { completed: "cannot_tell", differs: "The right_hand hides the blue_block." }
    const { again, flags } = await runWith(root.path, checked, saying(1, [unclear]))
    expect([again.length, flags.map(({ flag }) => flag)]).toEqual([0, ["cannot_tell"]])
    expect(await unnamed(root.path)).toEqual([])
  })

  test("has the annotation that was refined once more in its file, and in the plan", async () => {
    await using root = await temporaryFolder()
    const rationale = "The green_cup has to stand before the tray can be lifted."
    const answers = saying(2, [no, yes])
    const { error } = await runWith(root.path, checked, (call, good) =>
      isAgain(call) ? JSON.stringify({ ...JSON.parse(good), rationale }) : answers(call, good),
    )
    expect(error).toBeUndefined()
    const final = json(root.path, `${folderOf(2)}/step_final.json`)
    expect(json(root.path, "causal_plan_with_keyframes.json").steps[1]).toEqual(final)
    expect(final.rationale).toBe(rationale)
    expect(json(root.path, `${folderOf(2)}/verify/look_1/step_refused.json`).rationale).not.toBe(rationale)
    expect(await unnamed(root.path)).toEqual([])
  })
})

describe("An answer that breaks a rule", () => {
  test.each([
    ["says nothing of what differs", { completed: "no", differs: " " }, "must say what differs"],
    ["is no verdict", { completed: "maybe", differs: "" }, "$.completed"],
    ["refers to a frame", { completed: "no", differs: "In frame 7 the lid is still on." }, "$.differs"],
    ["has a confidence of its own", { ...yes, confidence: 0.9 }, "confidence"],
  ])("%s: it is asked again with what was wrong", async (_what, bad, told) => {
    await using root = await temporaryFolder()
    const { checks, error } = await runWith(root.path, checked, (call, good) =>
      isCheck(call.prompt) && call.turns.length === 0 ? JSON.stringify(bad) : good,
    )
    expect(error).toBeUndefined()
    expect(checks).toHaveLength(2 * steps)
    expect(checks.some(({ turns }) => turns.some(({ text }) => text.includes(told)))).toBe(true)
  })
})

describe("A folder that was made otherwise", () => {
  test("without checks keeps all that it has: only the checks are asked for", async () => {
    await using root = await rootCopy(plain)
    const { calls, checks, error } = await runWith(root.path, checked)
    expect([error, calls.length, checks.length]).toEqual([undefined, steps, steps])
    expect(await unnamed(root.path)).toEqual([])
  })

  test("with exact borders takes checks as well", async () => {
    await using root = await temporaryFolder()
    const borders: Partial<RunSettings> = {
      borders: { precisionSec: 0.5, input: "sheets", sheet: defaultSheet },
    }
    expect((await runWith(root.path, borders)).error).toBeUndefined()
    const { calls, checks, error } = await runWith(root.path, { ...borders, ...checked })
    expect([error, calls.length, checks.length]).toEqual([undefined, steps, steps])
    expect(await unnamed(root.path)).toEqual([])
  })

  test("with checks is refused without them, and the option is named; --overwrite makes it without", async () => {
    await using root = await rootCopy(doubted)
    const before = stampsBelow(root.path)
    const { calls, error } = await runWith(root.path, {})
    expect(error?.message).toContain("stage3_verify.md of --verify")
    expect([calls.length, changedFiles(before, stampsBelow(root.path))]).toEqual([0, []])
    expect((await runWith(root.path, { overwrite: true })).error).toBeUndefined()
    expect(filesBelow(root.path).filter((path) => path.includes("verif"))).toEqual([])
    expect(json(root.path, "run_summary.json").verify).toBeUndefined()
    expect(await unnamed(root.path)).toEqual([])
  })

  test("with other sheets is asked again for the checks alone", async () => {
    await using root = await rootCopy(sound)
    const other = { verify: { sheet: { columns: 3, rows: 3, tilePx: 224 } } }
    const { calls, checks, error } = await runWith(root.path, other)
    expect([error, calls.length, checks.length]).toEqual([undefined, steps, steps])
    expect(json(root.path, "run_summary.json").verify_config).toEqual({ columns: 3, rows: 3, tile_px: 224 })
    expect(await unnamed(root.path)).toEqual([])
  })
})

describe("A run that was cut short", () => {
  /** Calls of a check until the service fails for good; then all that the next run asks. */
  const cutAfter = async (received: number) => {
    const root = await temporaryFolder()
    let answered = 0
    const answers = saying(2, [no, no])
    const failing: Behaviour = (call, good) => {
      if (!isCheck(call.prompt) && !isAgain(call)) return good
      return answered++ >= received ? new Response("no", { status: 400 }) : answers(call, good)
    }
    const first = await runWith(root.path, { ...checked, stepConcurrency: 1 }, failing)
    return { root, first }
  }

  test.each([0, 1, 2, 3, 4])("after %i answers asks only for what it has not received", async (received) => {
    const { first, root } = await cutAfter(received)
    await using _ = root
    expect(first.error?.message).toContain("Stage 3 gave up")
    expect(json(root.path, "run_summary.json").verify.status).toBe("failed")
    expect((await statusOf(root.path)).failed).toMatchObject([{ video_id: id, stage: 3 }])
    const expected = await foreseen(root.path)
    // The second look at step 2 says no again.
    const second = await runWith(root.path, checked, saying(2, [no]))
    expect(second.error).toBeUndefined()
    expect(second.checks.length + second.again.length).toBe(steps + 2 - received)
    expect(second.calls).toHaveLength(second.checks.length + second.again.length)
    expect(expected.calls).toBeLessThanOrEqual(second.calls.length)
    expect(expected.calls + expected.furtherCalls).toBeGreaterThanOrEqual(second.calls.length)
    const summary = json(root.path, "run_summary.json")
    expect([summary.stage3.status, summary.verify.status]).toEqual(["completed", "completed"])
    expect(summary.verify.steps[1].flag).toBe("not_completed")
    expect(await unnamed(root.path)).toEqual([])
  })

  test("makes a sheet that is damaged again, and asks nothing for it", async () => {
    await using root = await rootCopy(doubted)
    const sheet = join(root.path, id, folderOf(2), "verify/contact_sheet.jpg")
    const whole = readFileSync(sheet)
    writeFileSync(sheet, whole.subarray(0, 1000))
    const { calls, error } = await runWith(root.path, checked)
    expect([error, calls.length]).toEqual([undefined, 0])
    expect(readFileSync(sheet).equals(whole)).toBe(true)
  })

  test("asks again for a second look that is gone, and for nothing else", async () => {
    await using root = await rootCopy(doubted)
    rmSync(join(root.path, id, folderOf(2), "verify/look_2/verification.json"))
    const { calls, checks, error } = await runWith(root.path, checked)
    expect([error, calls.length, checks.length]).toEqual([undefined, 1, 1])
    expect(json(root.path, "run_summary.json").verify.steps[1].flag).toBeUndefined()
    expect(await unnamed(root.path)).toEqual([])
  })
})

describe("An answer that somebody has edited", () => {
  const path = () => join(id, folderOf(2), "verify/look_2/verification.json")

  test("is used if it passes the rules: the flag goes", async () => {
    await using root = await rootCopy(doubted)
    writeFileSync(join(root.path, path()), JSON.stringify(yes))
    const { calls, error, flags } = await runWith(root.path, checked)
    expect([error, calls.length, flags.length]).toEqual([undefined, 0, 0])
    expect(await unnamed(root.path)).toEqual([])
  })

  test("is refused before anything is asked if it does not", async () => {
    await using root = await rootCopy(doubted)
    writeFileSync(join(root.path, path()), JSON.stringify({ completed: "no", differs: "" }))
    const { calls, error } = await runWith(root.path, checked)
    expect(error?.message).toContain("was changed by hand and breaks a rule")
    expect(calls).toHaveLength(0)
  })
})

const foreseen = (root: string, changes: Partial<RunSettings> = checked) =>
  foreseenRun(video, quickSettings(root, changes))

describe("A dry run", () => {
  test("counts a check for each step, and what a refusal may bring", async () => {
    await using untouched = await temporaryFolder()
    const expected = await foreseen(untouched.path)
    expect(expected).toMatchObject({ calls: 2 + 2 * 5, furtherCalls: 2 * 5, failures: [] })
    expect(expected.images).toBe(7 * 8 + 5)
  })

  test("is exact for calls and pictures where the option is added to a finished folder, and once all is done", async () => {
    await using root = await rootCopy(plain)
    const expected = await foreseen(root.path)
    expect(expected).toMatchObject({ furtherCalls: 2 * steps, failures: [] })
    const { calls } = await runWith(root.path, checked)
    expect(expected.calls).toBe(calls.length)
    expect(expected.images).toBe(calls.reduce((sum, { images }) => sum + images.length, 0))
    for (const made of [root.path, doubted])
      expect(await foreseen(made)).toMatchObject({ calls: 0, furtherCalls: 0, images: 0, failures: [] })
  })
})

describe("validate", () => {
  const damage: ReadonlyArray<readonly [string, () => string, (text: string) => string, string]> = [
    [
      "a flag that is taken away",
      () => "run_summary.json",
      (text) => text.replace(/\s*"flag": "not_completed",/u, ""),
      "flag",
    ],
    [
      "another verdict",
      () => "run_summary.json",
      (text) => text.replace('"verdict": "no"', '"verdict": "yes"'),
      "verdict",
    ],
    [
      "a look's answer",
      () => `${folderOf(2)}/verify/look_2/verification.json`,
      (text) => text.replace('"no"', '"yes"'),
      "verdict",
    ],
    [
      "an answer by no rule",
      () => `${folderOf(1)}/verify/look_1/verification.json`,
      (text) => text.replace('"yes"', '"no"'),
      "must say what differs",
    ],
    [
      "a reply",
      () => `${folderOf(3)}/verify/look_1/stage3_verify_raw_response.txt`,
      (text) => `${text} `,
      "sha256",
    ],
    [
      "a refused annotation",
      () => `${folderOf(2)}/verify/look_1/step_refused.json`,
      (text) => text.replace('"step_id": 2', '"step_id": 3'),
      "must stay 2",
    ],
    [
      "a sheet",
      () => `${folderOf(2)}/verify/contact_sheet.json`,
      (text) => text.replace('"columns": 5', '"columns": 4'),
      "rows",
    ],
  ]

  test.each(damage)("tells of %s", async (_what, path, change, told) => {
    await using root = await rootCopy(doubted)
    const file = join(root.path, id, path())
    const text = readFileSync(file, "utf8")
    const changed = change(text)
    expect(changed).not.toBe(text)
    writeFileSync(file, changed)
    expect((await problemsOf(root.path)).join("\n")).toContain(told)
  })

  test("names a file in the folders of checks that is none of ours", async () => {
    await using root = await rootCopy(sound)
    writeFileSync(join(root.path, id, folderOf(1), "verify/note.txt"), "mine")
    expect((await unnamed(root.path)).join("\n")).toContain("verify/note.txt: is not part of the dataset")
  })
})
