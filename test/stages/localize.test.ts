import { expect, test } from "bun:test"
import { Effect } from "effect"
import { fullPoolRequest } from "../../src/stages/draft.ts"
import { localizationInquiry, localizationTask } from "../../src/stages/localize.ts"
import { plannedPool } from "../../src/stages/pool.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { quickSettings } from "../support/run-pipeline.ts"
import { withVideoRun } from "../support/video-run.ts"

test("a localization is asked for with the number of frames, and the index after the last one as the end", async () => {
  const video = await makeVideo({ dir: runFolder(), frames: 12 })
  const causal_chain = { agent: "arm", action: "move", patient: "cup" }
  const plan = {
    high_level_goal: "Serve the water",
    steps: ["Take the cup", "Pour", "Put the cup down"].map((step_goal, i) => ({
      step_id: i + 1,
      step_goal,
      causal_chain,
    })),
  }
  const { value: prompt } = await withVideoRun(video, quickSettings(runFolder()), (run) =>
    Effect.sync(
      () =>
        localizationInquiry(
          run,
          { plan, pool: plannedPool(fullPoolRequest(run)), isAdopted: false },
          undefined,
        ).prompt,
    ),
  )
  expect(prompt).toContain("8 images")
  expect(prompt).toContain("From 2 to 9")
  const who = "  (agent: arm; action: move; patient: cup)"
  expect(prompt).toContain(
    `- Step 1: Take the cup\n${who}\n- Step 2: Pour\n${who}\n- Step 3: Put the cup down\n${who}\n`,
  )
})

test("rehearsed, a step begins where the pictures change most and ends where the next begins, the last at the end", () => {
  // Twelve pictures; most changes into the third and the eleventh.
  const boundarySeconds = Array.from({ length: 13 }, (_, i) => i)
  const changes = Array.from({ length: 11 }, (_, i) => ([3, 11].includes(i + 2) ? 40 : 1))
  const { rehearse } = localizationTask({ stepIds: [1, 2, 3], boundarySeconds })
  expect(rehearse(changes)).toEqual({
    steps: [
      { step_id: 1, start_frame_index: 1, end_frame_index: 3 },
      { step_id: 2, start_frame_index: 3, end_frame_index: 11 },
      { step_id: 3, start_frame_index: 11, end_frame_index: 13 },
    ],
  })
})
