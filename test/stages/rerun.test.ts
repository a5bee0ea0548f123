import { beforeAll, expect, test } from "bun:test"
import { readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { draft } from "../../src/stages/draft.ts"
import { survey } from "../../src/stages/survey.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { changedFiles, stampsBelow } from "../support/run-cli.ts"
import { quickSettings, runPipeline } from "../support/run-pipeline.ts"
import { withVideoRun } from "../support/video-run.ts"

let video: string
beforeAll(async () => {
  video = await makeVideo({ dir: runFolder(), name: "video.mp4", frames: 60 })
})

/** Runs a video in rehearsal; gives what is told, and the folder. */
const rehearsed = async (root: string, changes: Parameters<typeof quickSettings>[1] = {}) => {
  const { error, events } = await runPipeline(video, quickSettings(root, changes), "rehearsal")
  expect(error).toBeUndefined()
  return { events, out: join(root, "video") }
}

test("a second run tells every clip as kept in Stage 2, and leaves the records of clips and steps as they are", async () => {
  const root = runFolder()
  const { out } = await rehearsed(root)
  const before = stampsBelow(out)
  const { events } = await rehearsed(root)
  const clips = events.flatMap((event) =>
    event.type === "StageAdvanced" && event.what.startsWith("clip of step ") ? [event] : [],
  )
  const { segments } = JSON.parse(readFileSync(join(out, "stage2/step_segments.json"), "utf8"))
  expect(clips.map(({ kept, stage, what }) => [stage, what, kept])).toEqual(
    segments.map(({ step_id }: { step_id: number }) => ["cut", `clip of step ${step_id}`, true]),
  )
  expect(changedFiles(before, stampsBelow(out)).filter((file) => file !== "run_summary.json")).toEqual([])
})

test("a keyframe's picture that somebody has replaced is kept beside the one that a run puts back", async () => {
  const root = runFolder()
  const { out } = await rehearsed(root)
  const step = join(out, readdirSync(out).find((name) => name.startsWith("01_")) ?? "")
  const [own = "", other = ""] = readdirSync(step).filter((name) => name.endsWith(".jpg"))
  const [before, foreign] = [readFileSync(join(step, own)), readFileSync(join(step, other))]
  writeFileSync(join(step, own), foreign)
  await rehearsed(root)
  expect(readFileSync(join(step, own))).toEqual(before)
  expect(readFileSync(join(step, own.replace(/\.jpg$/u, ".previous-1.jpg")))).toEqual(foreign)
})

test("a look at what Stage 1 alone would make looks at nothing of Stage 2", async () => {
  const root = runFolder()
  const { out } = await rehearsed(root, { stages: ["draft", "localize", "cut"] })
  const { value } = await withVideoRun(video, quickSettings(root, { stages: ["draft"] }), (run) => {
    const localization = join(out, "stage2/localization_raw.json")
    rmSync(localization)
    symlinkSync("/dev/null", localization)
    return Effect.flatMap(run.summary.progress, (progress) => survey(run, progress, [draft]))
  })
  expect(value).toEqual({ calls: [], decoded: [], further: 0, failure: undefined })
})
