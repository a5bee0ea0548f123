import { expect, setDefaultTimeout, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { openInput, pickVideoStream } from "../../src/video/libav/input.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { runCli } from "../support/run-cli.ts"

setDefaultTimeout(60_000)

test("--autorotate-clips is recorded with the cut, kept by the next run, and passes validation", async () => {
  await using root = await temporaryFolder()
  const video = await makeVideo({ dir: root.path, name: "phone.mp4", frames: 60, rotation: 90 })
  const out = join(root.path, "out")
  const flags = [
    "pipeline",
    "--input-video",
    video,
    "--output-root",
    out,
    "--rehearsal",
    "--max-frames",
    "10",
  ]
  const first = await runCli([...flags, "--autorotate-clips", "--post-validate"])
  expect(first.code).toBe(0)
  const segments = join(out, "phone/stage2/step_segments.json")
  const record = () => JSON.parse(readFileSync(segments, "utf8"))
  expect(record().cut).toMatchObject({ mode: "smart", autorotate: true })
  const clips = join(out, "phone/stage2/step_clips")
  for (const name of readdirSync(clips)) {
    using input = openInput(join(clips, name))
    const { height, width } = pickVideoStream(input).codecpar
    expect([width, height]).toEqual([120, 160])
  }
  const before = record()
  const second = await runCli(flags)
  expect(second.stderr).toContain("clips stay as they were cut")
  expect(record()).toEqual(before)
})
