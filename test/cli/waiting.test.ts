import { describe, expect, test } from "bun:test"
import { advance, eta } from "../../src/batch/progress.ts"
import { initialState, type RunState } from "../../src/batch/state.ts"
import { frameLines } from "../../src/cli/progress/frame.ts"
import { progressJson } from "../../src/cli/progress/json.ts"
import { progressLine } from "../../src/cli/progress/lines.ts"
import { waitOf } from "../../src/cli/progress/waiting.ts"
import type { RunEvent } from "../../src/events.ts"
import { stages } from "../../src/stages/list.ts"

type Timed = readonly [seconds: number, event: RunEvent]

const after = (events: ReadonlyArray<Timed>): RunState =>
  events.reduce((state, [seconds, event]) => advance(state, event, seconds * 1000), initialState(stages, 0))

const begun = (videos: number): ReadonlyArray<Timed> => [
  [0, { type: "BatchStarted", videos }],
  [0, { type: "VideoStarted", videoId: "cup", file: "/v/cup.mp4", folder: "/d/cup" }],
  [0, { type: "StageStarted", videoId: "cup", stage: "draft", total: 2 }],
]
const load = (more: Partial<Extract<RunEvent, { type: "ModelLoad" }>>): RunEvent => ({
  type: "ModelLoad",
  inFlight: 0,
  waiting: 0,
  limit: 8,
  rpm: null,
  tpm: null,
  pausedMs: 0,
  ...more,
})
const silent = (unansweredMs: number): RunEvent => ({
  type: "ModelSilent",
  videoId: "cup",
  stage: "draft",
  step: null,
  attempt: 1,
  since: "2026-11-27T14:03:10.000Z",
  unansweredMs,
})
const answered: RunEvent = {
  type: "AnswerReceived",
  videoId: "cup",
  stage: "draft",
  what: "draft plan",
  attempt: 1,
  recalled: false,
  promptTokens: 1000,
  completionTokens: 200,
  costUsd: 0.01,
  estimatedTokens: null,
  estimatedCostUsd: null,
  latencyMs: 1000,
}

/** All the ways in which a run tells how it stands. */
const told = (state: RunState, seconds: number) => ({
  screen: frameLines(state, seconds * 1000, { columns: 120, rows: 24 }).join("\n"),
  line: progressLine(state, seconds * 1000),
  json: JSON.parse(progressJson(state, seconds * 1000, "2026-11-27T14:03:10.000Z")).waiting_for,
})

describe("while nothing moves, what is waited for is told, and since when", () => {
  test("an answer", () => {
    const state = after([...begun(1), [1, load({ inFlight: 1 })], [61, silent(60_000)]])
    const { screen, line, json } = told(state, 71)
    for (const text of [screen, line])
      expect(text).toContain("no answer for 70 s: cup, stage 1 draft, asked at 14:03:10 UTC")
    expect(json).toEqual({ what: "answer", video_id: "cup", seconds: 70 })
    expect(waitOf(advance(state, answered, 72_000), 72_000)).toBeUndefined()
    // Something came, as of an answer that is streamed: silence is told again every 20 s, for as long as it lasts.
    expect(waitOf(state, 100_000)).toBeUndefined()
  })

  test("a rest that the service wants", () => {
    const paused = [5, 6, 7].map((at): Timed => [at, load({ waiting: 3, pausedMs: 90_000 - at * 1000 })])
    const { screen, line, json } = told(after([...begun(1), ...paused]), 8)
    for (const text of [screen, line])
      expect(text).toContain("paused as the service asked: 83 s more, 3 s so far")
    expect(json).toEqual({ what: "pause", video_id: null, seconds: 3 })
  })

  test("the limits per minute", () => {
    const state = after([...begun(1), [10, load({ waiting: 2 })], [11, load({ waiting: 3 })]])
    const { screen, json } = told(state, 40)
    expect(screen).toContain("3 calls held back for 30 s: by the limits per minute")
    expect(json).toEqual({ what: "rate_limit", video_id: null, seconds: 30 })
    expect(waitOf(advance(state, load({ inFlight: 1, waiting: 2 }), 41_000), 41_000)).toBeUndefined()
  })

  test("another process", () => {
    const busy = (videoId: string): RunEvent => ({
      type: "VideoPostponed",
      videoId,
      file: `/v/${videoId}.mp4`,
      message: "busy",
      why: "locked",
    })
    const { screen, line, json } = told(
      after([
        [0, { type: "BatchStarted", videos: 2 }],
        [1, busy("cup")],
        [2, busy("bowl")],
      ]),
      62,
    )
    for (const text of [screen, line])
      expect(text).toContain("waiting for 60 s for another process to finish cup and 1 more")
    expect(json).toEqual({ what: "other_process", video_id: "cup", seconds: 60 })
  })

  test("decoding, where no call is under way", () => {
    const state = after(begun(1))
    expect(waitOf(state, 19_000)).toBeUndefined()
    expect(told(state, 25).line).toContain(
      "no call in flight; decoding or cutting for 25 s: cup, stage 1 draft",
    )
    expect(told(state, 25).json).toEqual({ what: "decoding", video_id: "cup", seconds: 25 })
    expect(waitOf(advance(state, load({ inFlight: 1 }), 26_000), 26_000)).toBeUndefined()
  })

  test("the end", () => {
    const stopping: RunEvent = { type: "BatchStopping", cause: "budget", graceSec: 30 }
    const { screen, json } = told(after([...begun(1), [10, stopping]]), 15)
    expect(screen).toContain("stopping, the budget is spent: calls in flight are finished, for 5 s")
    expect(json).toEqual({ what: "end", video_id: null, seconds: 5 })
  })

  test("a name cannot break the line", () => {
    const videoId = "cup\n\u001b[2J"
    const events: ReadonlyArray<Timed> = [
      [0, { type: "BatchStarted", videos: 1 }],
      [0, { type: "VideoStarted", videoId, file: "/v", folder: "/d" }],
    ]
    expect(told(after(events), 30).line).toContain("cutting for 30 s: cup\\n\\u001b[2J")
  })
})

describe("the time to go", () => {
  const steps: ReadonlyArray<Timed> = [
    ...begun(4),
    [10, { type: "StageAdvanced", videoId: "cup", stage: "draft", what: "frame pool", kept: false }],
    [20, { type: "StageAdvanced", videoId: "cup", stage: "draft", what: "draft plan", kept: false }],
    [20, { type: "StageFinished", videoId: "cup", stage: "draft" }],
  ]

  test("falls with the clock while nothing moves, whatever is told meanwhile, and is not there once it has run out", () => {
    const chatter = Array.from(
      { length: 60 },
      (_, i): Timed => [20 + i * 10, i % 2 === 0 ? load({ inFlight: 1, rpm: i }) : silent(i * 10_000)],
    )
    const first = eta(after(steps), 20_000) ?? 0
    expect(first).toBeGreaterThan(100)
    for (let at = 20; at < 600; at += 10) {
      const state = after([...steps, ...chatter.filter(([seconds]) => seconds <= at)])
      const left = first - (at - 20)
      const seconds = eta(state, at * 1000)
      if (left > 0) expect(seconds).toBeCloseTo(left, 5)
      else expect(seconds).toBeUndefined()
    }
  })

  test("is measured anew when something moves", () => {
    const later = after([
      ...steps,
      [100, { type: "StageStarted", videoId: "cup", stage: "localize", total: 2 }],
      [100, { type: "StageAdvanced", videoId: "cup", stage: "localize", what: "localization", kept: false }],
    ])
    expect(eta(later, 100_000)).toBeGreaterThan(eta(after(steps), 20_000) ?? 0)
  })
})

test("what a service did not count is shown by estimate, and said to be", () => {
  const uncounted: RunEvent = {
    ...answered,
    promptTokens: null,
    completionTokens: null,
    costUsd: null,
    estimatedTokens: 5000,
    estimatedCostUsd: 0.02,
  }
  const state = after([...begun(1), [1, answered], [2, uncounted]])
  const { screen, line } = told(state, 3)
  for (const text of [screen, line]) {
    expect(text).toContain("about 6.2K tokens (5K by estimate)")
    expect(text).toContain("about $0.03")
  }
  expect(JSON.parse(progressJson(state, 3000, "2026-11-27T14:03:10.000Z"))).toMatchObject({
    prompt_tokens: 1000,
    completion_tokens: 200,
    cost_usd: 0.01,
    estimated_tokens: 5000,
    estimated_cost_usd: 0.02,
  })
  expect(told(after([...begun(1), [1, answered]]), 3).screen).not.toContain("about")
})
