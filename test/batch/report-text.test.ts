import { expect, test } from "bun:test"
import type { RunReport } from "../../src/batch/report.ts"
import { reportMarkdown } from "../../src/batch/report-text.ts"

const allDone: RunReport = {
  finished_at_utc: "2026-01-02T03:04:05.000Z",
  output_root: "/data/out",
  model: "gpt-5",
  stages: [1, 2, 3],
  seconds: 3780,
  stopped: null,
  videos: 1200,
  done: 1200,
  failed: 0,
  left: 0,
  refused: 0,
  steps: 6000,
  calls: 8400,
  rejected_answers: 12,
  prompt_tokens: 1_234_567,
  completion_tokens: 89_000,
  cost_usd: 12.5,
  failures: [],
  slowest: [],
  estimated_tokens: 0,
  estimated_cost_usd: 0,
  how_to_continue: [],
  next_command: null,
}

const lines = (report: Partial<RunReport>) => reportMarkdown({ ...allDone, ...report }).split("\n")

test("a report of a run that did all is one table", () => {
  expect(lines({})).toEqual([
    "# Run report",
    "",
    "/data/out, finished 2026-01-02T03:04:05.000Z.",
    "",
    "| what | how much |",
    "| --- | --- |",
    "| videos | 1,200 |",
    "| done | 1,200 |",
    "| failed | 0 |",
    "| left | 0 |",
    "| steps refined | 6,000 |",
    "| calls | 8,400, 12 rejected |",
    "| tokens | 1,234,567 in, 89,000 out |",
    "| cost | $12.50 |",
    "| time | 63 min |",
    "| model | gpt-5 |",
    "| stages | 1, 2, 3 |",
    "",
  ])
})

test.each([
  ["asked", "stopped on request"],
  ["failure", "stopped after the first failure"],
  ["budget", "stopped because the budget was spent"],
] as const)("a run that was stopped (%s) says so", (stopped, says) => {
  expect(lines({ stopped })[2]).toBe(`/data/out, finished 2026-01-02T03:04:05.000Z, ${says}.`)
})

test("what is not known and what is an estimate is said to be", () => {
  expect(lines({ cost_usd: null })).toContain("| cost | not known |")
  const estimated = lines({ estimated_tokens: 4000, estimated_cost_usd: 0.25 })
  expect(estimated).toContain(
    "| tokens | 1,234,567 in, 89,000 out, and by estimate 4,000 that the service did not count |",
  )
  expect(estimated).toContain("| cost | $12.50, and by estimate $0.25 |")
  expect(lines({ refused: 3 })).toContain("| refused | 3 |")
})

test("how to go on, failures and the slowest videos follow, each under its own heading", () => {
  const report = lines({
    how_to_continue: ["Run it again."],
    next_command: "triptych pipeline --x '*'",
    failures: [
      {
        reason: "NotAVideo",
        stage: 1,
        count: 2,
        videos: [
          { video_id: "cup_1", source_video: "/v/cup_1.mp4", message: "a | b" },
          { video_id: "*jug*", source_video: "/v/jug.mp4", message: "no" },
        ],
      },
    ],
    slowest: [
      { video_id: "cup_1", seconds: 120 },
      { video_id: "jug", seconds: 5 },
    ],
  })
  expect(report.slice(report.indexOf("| stages | 1, 2, 3 |") + 1)).toEqual([
    "",
    "## How to continue",
    "",
    "- Run it again.",
    "",
    "## Next command",
    "",
    "    triptych pipeline --x '*'",
    "",
    "## Failures",
    "",
    "### 2 videos: NotAVideo in Stage 1: not a video, or its header is damaged",
    "",
    "| video | message |",
    "| --- | --- |",
    "| cup\\_1 | a \\| b |",
    "| \\*jug\\* | no |",
    "",
    "## Slowest videos",
    "",
    "| video | time |",
    "| --- | --- |",
    "| cup\\_1 | 2 min |",
    "| jug | 5 s |",
    "",
  ])
})
