import { describe, expect, test } from "bun:test"
import * as v from "valibot"
import { advance, answersPerMinute, eta, workUnderWay } from "../../src/batch/progress.ts"
import { initialState, type RunState } from "../../src/batch/state.ts"
import { frameLines } from "../../src/cli/progress/frame.ts"
import { eventJson, jsonLineSchema, progressJson } from "../../src/cli/progress/json.ts"
import { admitLine, eventLine, fullAllowance, progressLine } from "../../src/cli/progress/lines.ts"
import { nothingPainted, type Painted, repaint } from "../../src/cli/progress/paint.ts"
import { clip, fit, widthOf } from "../../src/cli/progress/text.ts"
import type { RunEvent } from "../../src/events.ts"
import { stages } from "../../src/stages/list.ts"
import { printable } from "../../src/text/printable.ts"
import { VirtualTerminal } from "../support/virtual-terminal.ts"

type Timed = readonly [atMs: number, event: RunEvent]

const after = (events: ReadonlyArray<Timed>): RunState =>
  events.reduce((state, [atMs, event]) => advance(state, event, atMs), initialState(stages, 0))

const names = [
  "把杯子放到桌上_第一集_很长的名字",
  "camera_left_2026-11-22_18-30-00_take",
  "👩‍👩‍👧‍👦 cup",
  "é\u0301\u001b[2J\ncup",
]

const started = (videoId: string): RunEvent => ({
  type: "VideoStarted",
  videoId,
  file: `/videos/${videoId}.mp4`,
  folder: `/dataset/${videoId}`,
})

const answered = (
  videoId: string,
  more: Partial<Extract<RunEvent, { type: "AnswerReceived" }>> = {},
): RunEvent => ({
  type: "AnswerReceived",
  videoId,
  stage: "draft",
  what: "draft plan",
  attempt: 1,
  recalled: false,
  promptTokens: 54_000,
  completionTokens: 2000,
  costUsd: 0.12,
  estimatedTokens: null,
  estimatedCostUsd: null,
  latencyMs: 2000,
  ...more,
})

/** So many videos under way, all in Stage 1. */
const underWay = (count: number): RunState =>
  after([
    [0, { type: "BatchStarted", videos: 5000 }],
    ...Array.from({ length: count }, (_, i) => `${names[i % names.length]} ${i}`).flatMap(
      (videoId, i): ReadonlyArray<Timed> => [
        [i * 10, started(videoId)],
        [i * 10 + 1, { type: "StageStarted", videoId, stage: "draft", total: 2 }],
        [i * 10 + 2, { type: "StageAdvanced", videoId, stage: "draft", what: "frame pool", kept: false }],
        [i * 10 + 3, answered(videoId)],
      ],
    ),
  ])

const failed: RunEvent = {
  type: "VideoFailed",
  videoId: "bad",
  file: "/bad",
  reason: "NotAVideo",
  message: "no",
  willRetry: false,
}

/** The events of a whole video, its stages taking equally long. */
const wholeVideo = (
  videoId: string,
  fromMs: number,
  lengthMs: number,
  kept: boolean,
): ReadonlyArray<Timed> => [
  [fromMs, started(videoId)],
  ...stages.flatMap(({ name: stage }, i): ReadonlyArray<Timed> => {
    const begin = fromMs + (i * lengthMs) / stages.length
    const end = fromMs + ((i + 1) * lengthMs) / stages.length
    return [
      [begin, { type: "StageStarted", videoId, stage, total: 1 }],
      [end, { type: "StageAdvanced", videoId, stage, what: "all", kept }],
      [end, { type: "StageFinished", videoId, stage }],
    ]
  }),
  [fromMs + lengthMs, { type: "VideoFinished", videoId, folder: `/dataset/${videoId}` }],
]

const inOrder = (events: ReadonlyArray<Timed>): ReadonlyArray<Timed> => events.toSorted(([a], [b]) => a - b)

describe("text on a terminal", () => {
  test.each(names.map(printable))(
    "%p is cut to any width, never beyond it, and both ends are seen",
    (name) => {
      for (let columns = 0; columns < 60; columns++) {
        expect(widthOf(clip(name, columns))).toBeLessThanOrEqual(columns)
        expect(widthOf(fit(name, columns))).toBe(columns)
      }
      expect(fit(name, 60).trimEnd()).toBe(name)
    },
  )

  test("the end of a long name is seen, because that is what tells it from others", () => {
    expect(fit("camera_left_take_0001", 12)).toBe("camera…_0001")
  })
})

describe("the lines of the display", () => {
  test.each([0, 1, 8, 64])("with %i videos under way fit every window", (count) => {
    const state = underWay(count)
    for (const columns of [11, 20, 40, 56, 80, 81, 120, 200]) {
      for (const rows of [3, 5, 8, 16, 24, 50, 100]) {
        const lines = frameLines(state, 100_000, { columns, rows })
        expect(lines.length).toBeLessThan(rows)
        expect(lines.filter((line) => widthOf(line) >= columns)).toEqual([])
        expect(lines.join("")).not.toContain("\u001b")
      }
    }
  })

  test("say how many videos there was no room for", () => {
    const lines = frameLines(underWay(64), 100_000, { columns: 80, rows: 24 })
    const listed = lines.filter((line) => line.includes("1 draft")).length
    expect(lines.at(-1)).toBe(`and ${64 - listed} more`)
    expect(listed).toBeGreaterThan(15)
    expect(frameLines(underWay(64), 100_000, { columns: 80, rows: 80 }).join("\n")).not.toContain("more")
  })

  test("count videos, steps, tokens, cost and calls against the limit", () => {
    const state = after([
      [0, { type: "BatchStarted", videos: 10 }],
      ...wholeVideo("done", 0, 3000, false),
      [3000, started("bad")],
      [3000, failed],
      [4000, started("later")],
      [
        5000,
        {
          type: "VideoFailed",
          videoId: "later",
          file: "/l",
          reason: "Transient",
          message: "no",
          willRetry: true,
        },
      ],
      [5000, answered("done")],
      [5000, answered("done", { costUsd: 0.5, recalled: true })],
      [5000, { type: "ModelLoad", inFlight: 3, waiting: 0, limit: 8, rpm: 60, tpm: null, pausedMs: 0 }],
    ])
    const text = frameLines(state, 60_000, { columns: 200, rows: 24 }).join("\n")
    for (const part of [
      "1 of 10 videos done",
      "1 failed",
      "8 left",
      "1 step ",
      "1 of 60 calls/min",
      "3 in flight",
      "56K tokens",
      "$0.12",
    ])
      expect(text).toContain(part)
    expect(progressLine(state, 60_000)).toContain(
      "1 of 10 videos done, 1 failed, 8 left, 0 under way, 1 step,",
    )
  })
})

test("answers per minute are those of the last minute, or of the time since the start while that is less", () => {
  const state = after([
    [0, started("v")],
    ...[4000, 30_000, 59_000].map((at): Timed => [at, answered("v")]),
    // What an earlier run was answered is no answer of this one.
    [59_500, answered("v", { recalled: true })],
  ])
  expect(answersPerMinute(state, 60_000)).toBe(3)
  expect(answersPerMinute(state, 90_000)).toBe(1)
  expect(answersPerMinute(state, 119_000)).toBe(0)
  const early = after([
    [0, started("v")],
    [1000, answered("v")],
    [2000, answered("v")],
  ])
  // Two within ten seconds, of which the first few would say too much.
  expect(answersPerMinute(early, 2000)).toBe(12)
  expect(answersPerMinute(early, 20_000)).toBe(6)
})

test("the ten videos that took longest are known, the slowest first, failed ones too", () => {
  const seconds = [5, 12, 1, 7, 3, 9, 11, 2, 8, 4, 10, 6]
  const events = seconds.flatMap((took, i): ReadonlyArray<Timed> => {
    const video = wholeVideo(`v${took}`, i * 100_000, took * 1000, false)
    const end: Timed = [
      i * 100_000 + took * 1000,
      {
        type: "VideoFailed",
        videoId: `v${took}`,
        file: "/v",
        reason: "NotAVideo",
        message: "no",
        willRetry: false,
      },
    ]
    return took === 12 ? [...video.slice(0, -1), end] : video
  })
  expect(after(inOrder(events)).slowest).toEqual(
    Array.from({ length: 10 }, (_, i) => ({ videoId: `v${12 - i}`, seconds: 12 - i })),
  )
})

describe("the time left", () => {
  /** 40 videos, the first of them kept; the others four at a time, 30 s each. */
  const batch = (kept: number) =>
    inOrder([
      ...Array.from({ length: kept }, (_, i) => wholeVideo(`kept ${i}`, 0, 30, true)).flat(),
      ...Array.from({ length: 40 - kept }, (_, i) =>
        wholeVideo(`v${i}`, Math.floor(i / 4) * 30_000, 30_000, false),
      ).flat(),
    ])
  const at = (events: ReadonlyArray<Timed>, ms: number) =>
    eta(after([[0, { type: "BatchStarted", videos: 40 }], ...events.filter(([atMs]) => atMs <= ms)]), ms)

  test("follows from what was done so far", () => {
    expect(at(batch(0), 100_000)).toBeCloseTo(200, -1)
    expect(at(batch(0), 240_000)).toBeCloseTo(60, -1)
    expect(at(batch(0), 300_000)).toBe(0)
  })

  test("is not shortened by videos that an earlier run had done", () => {
    expect(at(batch(20), 60_000)).toBeCloseTo(90, -1)
  })

  test("goes by how long stages took, but for those of which an earlier run had made anything", () => {
    const stage = "refine"
    const took = (kept: ReadonlyArray<boolean>) =>
      after([
        [0, started("v")],
        [1000, { type: "StageStarted", videoId: "v", stage, total: kept.length }],
        ...kept.map(
          (isKept): Timed => [5000, { type: "StageAdvanced", videoId: "v", stage, what: "", kept: isKept }],
        ),
        [5000, { type: "StageFinished", videoId: "v", stage }],
      ]).pace.stages
    expect(took([false, false])).toEqual({ refine: { ms: 4000, count: 1 } })
    expect(took([false, true])).toEqual({})
    expect(took([])).toEqual({})
  })

  test("does not depend on a stage that is none of the run's", () => {
    const done = (stage: string) =>
      workUnderWay(
        after([
          [0, { type: "BatchStarted", videos: 1 }],
          [0, started("v")],
          [0, { type: "StageStarted", videoId: "v", stage, total: 1 }],
          [9000, { type: "StageAdvanced", videoId: "v", stage, what: "all", kept: false }],
        ]),
      )
    expect(done("draft")).toBeGreaterThan(0)
    expect(done("another")).toBe(0)
  })

  test("is not made up: there is none before something was done", () => {
    expect(at(batch(0), 4000)).toBeUndefined()
    expect(eta(underWay(8), 0)).toBeUndefined()
  })
})

describe("painting", () => {
  const paintOn = (terminal: VirtualTerminal) => {
    let painted: Painted = nothingPainted
    return (lines: ReadonlyArray<string>, texts: ReadonlyArray<string> = []) => {
      const next = { lines, columns: terminal.columns }
      terminal.write(repaint(painted, next, texts, true) ?? "")
      painted = next
    }
  }
  const frame = (count: number, terminal: VirtualTerminal) =>
    frameLines(underWay(count), 100_000, { columns: terminal.columns, rows: terminal.height })

  test("leaves one frame at the end, and above it every printed line once and whole", () => {
    const terminal = new VirtualTerminal(80, 24)
    const paint = paintOn(terminal)
    const printed: Array<string> = []
    for (let round = 0; round < 60; round++) {
      const long = `${round} ${"把杯子".repeat(round % 50)}`
      if (round % 3 === 0) printed.push(long)
      paint(frame([1, 64, 8, 0][round % 4] ?? 0, terminal), round % 3 === 0 ? [long] : [])
    }
    const last = frame(8, terminal)
    paint(last)
    expect(terminal.screen().slice(-last.length)).toEqual([...last])
    const above = terminal.lines().slice(0, -last.length).join("").replaceAll(/\s/gu, "")
    expect(above).toBe(printed.join("").replaceAll(/\s/gu, ""))
  })

  test("what has not changed is not sent again", () => {
    const same = { lines: ["one", "two"], columns: 80 }
    expect(repaint(same, same, [], true)).toBeUndefined()
    expect(repaint(same, { ...same, lines: ["one", "2"] }, [], true)).not.toContain("one")
  })

  test.each([
    [80, 24, 40, 16],
    [200, 50, 33, 50],
    [40, 16, 200, 50],
  ])("a window that changes from %ix%i to %ix%i shows one frame", (columns, rows, toColumns, toRows) => {
    const terminal = new VirtualTerminal(columns, rows)
    const paint = paintOn(terminal)
    paint(frame(6, terminal), ["before"])
    terminal.resize(toColumns, toRows)
    const last = frame(6, terminal)
    paint(last)
    expect(terminal.screen().slice(-last.length)).toEqual([...last])
    expect(terminal.screen().filter((line) => line.includes("videos done"))).toHaveLength(1)
    expect(terminal.lines()[0]).toBe("before")
  })
})

describe("plain lines", () => {
  const shownOf = (events: ReadonlyArray<RunEvent>, isBatch: boolean) => {
    let limit = fullAllowance
    return events.filter((event, i) => {
      const admitted = admitLine(limit, event, { verbose: false, isBatch, nowMs: i })
      limit = admitted.limit
      return admitted.isShown
    })
  }

  test("are held back when there are too many, but no failure is", () => {
    const events = Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? started(`v${i}`) : failed))
    const shown = shownOf(events, true)
    expect(shown.filter(({ type }) => type === "VideoFailed")).toHaveLength(500)
    expect(shown.filter(({ type }) => type === "VideoStarted").length).toBeLessThan(50)
  })

  test("of a batch are about whole videos, of a single one about its parts too", () => {
    const part: RunEvent = {
      type: "StageAdvanced",
      videoId: "v",
      stage: "draft",
      what: "draft plan",
      kept: false,
    }
    expect(shownOf([part], true)).toEqual([])
    expect(shownOf([part], false)).toEqual([part])
    expect(eventLine(part, false)).toBe("v: stage 1 draft: draft plan done")
  })
})

describe("JSON lines", () => {
  /** One of every kind, so that a new one cannot be forgotten. */
  const oneOfEach: { readonly [T in RunEvent["type"]]: Extract<RunEvent, { type: T }> } = {
    BatchStarted: { type: "BatchStarted", videos: null },
    VideoStarted: { type: "VideoStarted", videoId: "v", file: "/v.mp4", folder: "/d/v" },
    StageStarted: { type: "StageStarted", videoId: "v", stage: "localize", total: 6 },
    StageAdvanced: {
      type: "StageAdvanced",
      videoId: "v",
      stage: "localize",
      what: "localization",
      kept: true,
    },
    AnswerReceived: {
      type: "AnswerReceived",
      videoId: "v",
      stage: "localize",
      what: "localization",
      attempt: 1,
      recalled: false,
      promptTokens: null,
      completionTokens: null,
      costUsd: null,
      estimatedTokens: 51_000,
      estimatedCostUsd: 0.1,
      latencyMs: 12,
    },
    AnswerRejected: {
      type: "AnswerRejected",
      videoId: "v",
      stage: "localize",
      what: "localization",
      attempt: 1,
      problems: ["$.steps: missing"],
    },
    StageFinished: { type: "StageFinished", videoId: "v", stage: "localize" },
    Notice: { type: "Notice", videoId: "v", message: "kept" },
    Flagged: {
      type: "Flagged",
      videoId: "v",
      what: "step 3",
      flag: "not_completed",
      why: "The hand lets go.",
    },
    VideoFinished: { type: "VideoFinished", videoId: "v", folder: "/d/v" },
    VideoFailed: {
      type: "VideoFailed",
      videoId: "v",
      file: "/v.mp4",
      stage: "localize",
      reason: "AnswerRejected",
      message: "no",
      willRetry: false,
    },
    VideoPostponed: { type: "VideoPostponed", videoId: "v", file: "/v.mp4", message: "busy", why: "locked" },
    ModelLoad: { type: "ModelLoad", inFlight: 1, waiting: 0, limit: 8, rpm: null, tpm: null, pausedMs: 0 },
    ModelSilent: {
      type: "ModelSilent",
      videoId: "v",
      stage: "refine",
      step: 2,
      attempt: 1,
      since: "2026-11-22T18:30:00.000Z",
      unansweredMs: 20_000,
    },
    BatchStopping: { type: "BatchStopping", cause: "asked", graceSec: 30 },
    BatchFinished: { type: "BatchFinished", done: 1, failed: 0, left: null, stopped: null, seconds: 3.5 },
  }

  test.each(Object.values(oneOfEach))("$type keeps to the schema", (event) => {
    const json = JSON.parse(eventJson(event, "2026-11-22T18:30:00.000Z"))
    expect(v.parse(jsonLineSchema, json)).toEqual(json)
    expect(Object.keys(json)).toHaveLength(Object.keys(event).length + 1)
  })

  test("progress keeps to the schema", () => {
    const json = JSON.parse(progressJson(underWay(8), 100_000, "2026-11-22T18:30:00.000Z"))
    expect(v.parse(jsonLineSchema, json)).toEqual(json)
    expect(json).toMatchObject({ videos: 5000, done: 0, under_way: 8, calls: 8, cost_usd: 0.96 })
  })
})
