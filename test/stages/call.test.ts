import { expect, test } from "bun:test"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import type { Outcome } from "../../src/dataset/run-summary.ts"
import { jsonText } from "../../src/dataset/store.ts"
import { sha256 } from "../../src/plan/fingerprint.ts"
import { keepOrAsk } from "../../src/stages/call.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { quickSettings } from "../support/run-pipeline.ts"
import { goalCall, goalFiles } from "../support/stage-call.ts"
import { withVideoRun } from "../support/video-run.ts"

const { artefact, files } = goalFiles

const answered: Outcome = {
  status: "completed",
  attempts: 1,
  calls: [],
  warnings: [],
  wall_time_sec: 1,
  inputs: "inputs",
  raw_response_sha256: sha256("reply"),
}

test.each([
  ["in the common form stays to the byte", '{"goal":  "Pour"}', '{"goal":  "Pour"}', false],
  [
    "that was edited into another form is put in the common one, and kept beside it",
    '{"goal": " Pour"}',
    jsonText({ goal: "Pour" }),
    true,
  ],
])("an answer that stands, %s, and is not asked for", async (_what, text, kept, isBeside) => {
  const video = await makeVideo({ dir: runFolder(), name: "video.mp4", frames: 8 })
  const root = runFolder()
  const noted: Array<Outcome> = []
  const { notices, value } = await withVideoRun(video, quickSettings(root), (run) => {
    const dir = join(root, run.folder.stage1)
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, artefact), text)
    writeFileSync(join(dir, files.rawResponse), "reply")
    return Effect.map(keepOrAsk(run, { ...goalCall(run, noted), previous: answered }), (answer) => ({
      answer,
      file: readFileSync(join(dir, artefact), "utf8"),
      isBeside: existsSync(join(dir, "draft_plan.previous-1.json")),
      prompt: readFileSync(join(dir, files.userPrompt), "utf8"),
    }))
  })
  expect(value).toEqual({ answer: { goal: "Pour" }, file: kept, isBeside, prompt: "ours\n" })
  expect(noted).toEqual([])
  expect(notices).toHaveLength(isBeside ? 1 : 0)
})
