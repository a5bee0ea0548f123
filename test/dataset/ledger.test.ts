import { expect, test } from "bun:test"
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { Effect } from "effect"
import { filesAtHand, isWhole } from "../../src/dataset/ledger.ts"
import { entriesOf } from "../../src/dataset/places.ts"
import { sha256 } from "../../src/plan/fingerprint.ts"
import { runFolder } from "../support/folders.ts"
import { runIn } from "../support/in-root.ts"

test("what runs have written is taken from what is there, but for what has a record of its own and what people edit", async () => {
  const root = runFolder()
  const recorded = [
    "01_pour/frame_manifest.json",
    "01_pour/stage3_user_prompt.txt",
    "01_pour/step_final.json",
    "01_pour/step_meta.json",
    "stage1/draft_plan.json",
    "stage1/frame_manifest.json",
    "stage1/stage1_system_prompt.txt",
    "stage2/localization_raw.json",
    "stage2/step_segments.json",
  ]
  const others = [
    "01_pour/frame_001_ts_0.00s.jpg",
    "01_pour/sampled_frames/sample_001_ts_0.00s.jpg",
    "01_pour/stage3_raw_response.txt",
    "causal_plan_with_keyframes.json",
    "notes.txt",
    "run_summary.json",
    "stage1/sampled_frames/sample_001_ts_0.00s.jpg",
    "stage1/stage1_raw_response.call.json",
    "stage2/step_clips/step01_pour.mp4",
  ]
  for (const file of [...recorded, ...others]) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), file)
  }
  const files = await runIn(
    root,
    Effect.flatMap(entriesOf(""), (entries) => filesAtHand("", entries)),
  )
  expect(Object.fromEntries(Object.entries(files).toSorted())).toEqual(
    Object.fromEntries(recorded.map((file) => [file, sha256(file)])),
  )
})

test.each([
  ["a.json", '{"a": 1}', "{}", true],
  ["a.json", '{"a"', "{}", false],
  ["a.json", '{"a": 1,}\n', "{}", true],
  ["a.json", "[1]", "{}", false],
  ["a.json", "\0\0\0", "{}", false],
  ["a.json", "", "{}", false],
  ["a.txt", "", "a prompt", false],
  ["a.txt", "a pro", "a prompt", false],
  ["a.txt", "a prompt", "a prompt", false],
  ["a.txt", "a prompt of mine", "a prompt", true],
  ["a.txt", "mine", "a prompt", true],
])(
  "%s with %j in place of %j is somebody's, and no leftover of a crash: %p",
  (name, present, wanted, isSo) => {
    expect(isWhole(name, Buffer.from(present), Buffer.from(wanted))).toBe(isSo)
  },
)
