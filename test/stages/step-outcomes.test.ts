import { expect, test } from "bun:test"
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { stepFolder } from "../../src/dataset/layout.ts"
import type { Outcome } from "../../src/dataset/run-summary.ts"
import { sha256 } from "../../src/plan/fingerprint.ts"
import { noteStep, removeStaleSteps } from "../../src/stages/step-outcomes.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { quickSettings } from "../support/run-pipeline.ts"
import { withVideoRun } from "../support/video-run.ts"

const causal_chain = { agent: "arm", action: "move", patient: "cup" }
const steps = ["Take", "Pour", "Put"].map((step_goal, i) => ({ step_id: i + 1, step_goal, causal_chain }))
const done: Outcome = { status: "completed", attempts: 1, calls: [], warnings: [], wall_time_sec: 1 }

test("steps that are no longer in the plan are removed from the record and the disk, but for what was edited", async () => {
  const video = await makeVideo({ dir: runFolder(), name: "video.mp4", frames: 8 })
  const root = runFolder()
  const { value } = await withVideoRun(video, quickSettings(root), (run) => {
    const final = ({ step_goal, step_id }: (typeof steps)[number]) =>
      `${stepFolder(step_id, step_goal)}/step_final.json`
    const [take, pour, put] = steps.map(final)
    for (const file of [take, pour, put]) {
      mkdirSync(join(root, "video", file ?? "", ".."), { recursive: true })
      writeFileSync(join(root, "video", file ?? ""), "as a run wrote it")
    }
    writeFileSync(join(root, "video", put ?? ""), "edited")
    const files = Object.fromEntries([take, pour, put].map((file) => [file, sha256("as a run wrote it")]))
    return Effect.gen(function* () {
      for (const step of steps) yield* noteStep(run, step)(done)
      yield* run.summary.note((progress) => ({ ...progress, files }))
      yield* removeStaleSteps(run, { high_level_goal: "Serve", steps: steps.slice(0, 1) })
      const { stage3 } = yield* run.summary.progress
      return {
        recorded: stage3?.steps.map(({ step_id }) => step_id),
        there: [take, pour, put].map((file) => existsSync(join(root, "video", file ?? ""))),
        folder: existsSync(join(root, "video", stepFolder(2, "Pour"))),
      }
    })
  })
  expect(value).toEqual({ recorded: [1], there: [true, false, true], folder: false })
})
