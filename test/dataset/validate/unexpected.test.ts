import { expect, test } from "bun:test"
import { basename } from "node:path"
import type { Entry, Place } from "../../../src/dataset/places.ts"
import { warning } from "../../../src/dataset/validate/finding.ts"
import { unexpectedFindings } from "../../../src/dataset/validate/unexpected.ts"

const entry = (path: string, place: Place, kind: Entry["kind"]["kind"] = "file"): Entry => ({
  path,
  name: basename(path),
  place,
  kind: { kind, sizeBytes: 1, stamp: path },
})

const step = "01_pour"
const named = {
  byFolder: new Map([
    ["stage1/sampled_frames", new Set(["stage1/sampled_frames/sample_001_ts_0.00s.jpg"])],
    ["stage2/step_clips", new Set(["stage2/step_clips/step01_pour.mp4"])],
    [step, new Set([`${step}/frame_001_ts_0.00s.jpg`])],
  ]),
  steps: new Set([step]),
  looks: new Set<string>(),
  further: new Set(["title"]),
}

/** All that belongs to a folder, one of each kind. */
const whole: ReadonlyArray<Entry> = [
  entry("run_summary.json", "video"),
  entry("review", "video", "folder"),
  entry("title", "video", "folder"),
  entry("stage1", "video", "folder"),
  entry("stage1/draft_plan.json", "stage1"),
  entry("stage1/sampled_frames", "stage1", "folder"),
  entry("stage1/sampled_frames/sample_001_ts_0.00s.jpg", "frames"),
  entry("stage1/stage1_raw_response.attempt1.txt", "stage1"),
  entry("stage1/stage1_raw_response.attempt1.call.json", "stage1"),
  entry("stage2/step_clips/step01_pour.mp4", "clips"),
  entry(step, "video", "folder"),
  entry(`${step}/step_final.json`, "step"),
  entry(`${step}/frame_001_ts_0.00s.jpg`, "step"),
]

test("nothing is told of what records name, of people's decisions, and of further stages", () => {
  expect(unexpectedFindings(whole, named)).toEqual([])
})

test.each<[Entry, string]>([
  [entry("02_drink", "video", "folder"), "belongs to no step of the plan; what is in it stays"],
  [entry("notes", "video", "folder"), "is not part of the dataset; no run changes or removes it"],
  [entry("notes.txt", "video"), "is not part of the dataset; no run changes or removes it"],
  [entry("stage1/sampled_frames/sample_002_ts_0.10s.jpg", "frames"), "is not in the manifest; it stays"],
  [entry("stage2/step_clips/step02_drink.mp4", "clips"), "belongs to no segment; it stays"],
  [entry(`${step}/frame_002_ts_0.10s.jpg`, "step"), "is not one of the step's keyframes; it stays"],
  [entry("stage1/stage1_raw_response.attempt2.txt", "stage1"), "is no reply on record; it stays"],
])("$path is told, and stays", (stray, message) => {
  expect(unexpectedFindings([...whole, stray], named)).toEqual([warning(stray.path, message)])
})

test("without a plan that can be read nobody knows which steps are no longer in it", () => {
  const stray = entry("02_drink", "video", "folder")
  expect(unexpectedFindings([...whole, stray], { ...named, steps: undefined })).toEqual([])
})

test("without a manifest or segments nobody knows which pictures and clips they name", () => {
  const strays = [
    entry("stage1/sampled_frames/sample_002_ts_0.10s.jpg", "frames"),
    entry("stage2/step_clips/step02_drink.mp4", "clips"),
    entry(`${step}/frame_002_ts_0.10s.jpg`, "step"),
  ]
  expect(unexpectedFindings([...whole, ...strays], { ...named, byFolder: new Map() })).toEqual([])
})
