import { expect, setDefaultTimeout, test } from "bun:test"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"
import { sha256 } from "../../src/plan/fingerprint.ts"
import { ensurePool } from "../../src/stages/pool.ts"
import { ptsSeconds, VideoDecoder } from "../../src/video/VideoDecoder.ts"
import { runFolder } from "../support/folders.ts"
import { inRoot } from "../support/in-root.ts"
import { makeVideo } from "../support/media.ts"
import { runCli } from "../support/run-cli.ts"
import { run } from "../video/video-layers.ts"

setDefaultTimeout(120_000)

test("`frames` gives every entry of a manifest again, byte for byte", async () => {
  const file = await makeVideo({ frames: 90, timeBase: [1001, 30_000], rotation: 90 })
  const manifest = await run(
    Effect.gen(function* () {
      const source = yield* (yield* VideoDecoder).probe(file)
      const secondsOf = (pts: number) => ptsSeconds(pts, source.timeBase)
      const { pool } = yield* ensurePool(
        { dir: "pool", source, count: 9, jpegQuality: 88, note: "test", secondsOf },
        true,
      )
      return pool.manifest
    }).pipe(inRoot(runFolder())),
  )
  const output = join(runFolder(), "again")
  const at = manifest.frames.toReversed().flatMap((frame) => ["--at", String(frame.timestamp_sec)])
  const { code, stdout } = await runCli([
    "frames",
    "--video",
    file,
    ...at,
    "--output",
    output,
    "--jpeg-quality",
    "88",
  ])
  expect(code).toBe(0)
  const rows = stdout
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split("\t"))
  expect(rows.map(([index, pts, , digest]) => [Number(index), Number(pts), digest])).toEqual(
    manifest.frames.map((frame) => [frame.original_frame_index, frame.pts, frame.sha256]),
  )
  for (const [, , , digest, path = ""] of rows) expect(sha256(await readFile(path))).toBe(digest ?? "")
})

test("`frames` takes the end of the video, and what comes before a late first frame, for the nearest frame", async () => {
  const late = await makeVideo({ frames: 3, name: "video.ts" })
  for (const [file, at, index] of [
    [await makeVideo({ frames: 3 }), "0.125", "2"],
    [late, "0", "0"],
  ] as const) {
    const { code, stdout } = await runCli(["frames", "--video", file, "--at", at, "--output", runFolder()])
    expect([code, stdout.trim().split("\n").at(-1)?.split("\t")[0]]).toEqual([0, index])
  }
})

test("`frames` says what it needs", async () => {
  const file = await makeVideo({ frames: 3 })
  for (const [args, words] of [
    [["frames", "--at", "1"], "--video"],
    [["frames", "--video", file], "--at"],
    [["frames", "--video", file, "--at", "soon"], "soon"],
    [["frames", "--video", file, "--at", "0", "--at", "999"], "past the end of"],
    [["frames", "--video", file, "--at", "999"], "it ends at 0.125 s"],
    [["frames", "--video", file, "--at", "-1"], "before the start of"],
  ] as const) {
    const { code, stderr } = await runCli([...args])
    expect([code, stderr.includes(words)]).toEqual([2, true])
  }
})
