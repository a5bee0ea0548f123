import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as v from "valibot"
import { jsonLineSchema } from "../../src/cli/progress/json.ts"
import { startChatServer } from "../support/chat-server.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { runCli, stampsBelow } from "../support/run-cli.ts"

// Whole programs are run, one after the other.
setDefaultTimeout(240_000)

const fixtures = join(import.meta.dir, "../quality/fixtures")

const json = (path: string) => JSON.parse(readFileSync(path, "utf8"))

/** Few pictures, so that tests are quick. */
const quick = ["--max-frames", "8"]

describe("The command `evaluate`", () => {
  test("takes videos out of gold, runs the stages on them, scores them, and goes on where it was", async () => {
    await using server = startChatServer()
    const root = join(runFolder(), "dataset")
    const key = { API_KEY: "key-for-tests" }
    const gold = ["evaluate", "--gold", join(fixtures, "wgo-videos.parquet"), "--output-root", root]
    const model = ["--api-base", server.url, "--model", "loopback-vlm", "--api-call-retries", "0", ...quick]
    const first = await runCli([...gold, ...model, "--limit", "1"], key)
    expect([first.code, first.stderr]).toEqual([0, expect.stringContaining("droid_001")])
    expect(first.stdout).toContain("WGO-Bench (ends snapped, 0.75)")
    expect(readdirSync(`${root}-videos`).toSorted()).toEqual(["droid_001.mp4", "videos.txt"])
    const one = json(join(root, "evaluation.json"))
    expect(one).toMatchObject({
      models: ["loopback-vlm"],
      rehearsal: false,
      gold: { format: "wgo", videos: 1, segments: 3 },
      score: { videos: 1, gold: 3 },
    })
    expect(one.prompts_fingerprints).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/u)])
    expect(one.cost.tokens).toBeGreaterThan(0)
    const asked = server.calls.length
    const before = stampsBelow(`${root}-videos`)["droid_001.mp4"]
    const all = await runCli([...gold, ...model, "--continue-on-error"], key)
    expect([all.code, all.stderr]).toEqual([1, expect.stringContaining("galaxea_003")])
    expect(stampsBelow(`${root}-videos`)["droid_001.mp4"]).toBe(before ?? "")
    expect(json(join(root, "evaluation.json"))).toMatchObject({
      gold: { videos: 3, segments: 6 },
      score: { videos: 2, gold: 5 },
      withoutPrediction: ["galaxea_003"],
    })
    expect(readFileSync(join(root, "evaluation.md"), "utf8")).toContain("| model | loopback-vlm |")
    expect(readFileSync(join(root, "evaluation.svg"), "utf8")).toContain(">homer_002<")
    // The first video was finished, and is not asked about again.
    const again = server.calls.length
    expect(again).toBeGreaterThan(asked)
    const failed = await runCli([...gold, ...model, "--only-failed"], key)
    expect(failed.code).toBe(1)
    expect(server.calls.length).toBe(again)
    expect(json(join(root, "evaluation.json")).score.videos).toBe(2)
  })

  test("counts beforehand what a run would send, and scores nothing then", async () => {
    const root = join(runFolder(), "dataset")
    const gold = join(fixtures, "wgo-videos.parquet")
    const { code, stdout } = await runCli(
      [
        "evaluate",
        "--gold",
        gold,
        "--output-root",
        root,
        "--rehearsal",
        "--dry-run",
        "--limit",
        "2",
        ...quick,
      ],
      {},
    )
    expect([code, stdout]).toEqual([0, expect.stringContaining("calls")])
    expect(existsSync(root)).toBe(false)
  })

  test("takes videos that a Parquet file names from below its folder, and from nowhere else", async () => {
    const folder = runFolder()
    const gold = join(folder, "wgo-feature.parquet")
    const videos = join(folder, "videos")
    copyFileSync(join(fixtures, "wgo-feature.parquet"), gold)
    const evaluateIn = (environment: Readonly<Record<string, string>>, ...args: ReadonlyArray<string>) =>
      runCli(
        ["evaluate", "--gold", gold, "--output-root", join(folder, "out"), "--videos-dir", videos, ...args],
        environment,
      )
    const evaluate = (...args: ReadonlyArray<string>) => evaluateIn({}, ...args)
    const absent = await evaluate("--rehearsal", "--limit", "2", "--preflight-only")
    expect([absent.code, absent.stderr]).toEqual([1, expect.stringContaining("b.mp4 does not exist")])
    mkdirSync(join(folder, "clips"))
    const source = await makeVideo({ dir: join(folder, "clips"), name: "b.mp4", frames: 30 })
    const scratch = runFolder()
    const found = await evaluateIn({ TMPDIR: scratch }, "--rehearsal", "--limit", "2", "--preflight-only")
    expect([found.code, found.stdout]).toEqual([0, expect.stringContaining("homer_002.mp4")])
    // A preflight leaves nothing behind.
    expect([existsSync(videos), existsSync(join(folder, "out")), readdirSync(scratch)]).toEqual([
      false,
      false,
      [],
    ])
    expect((await evaluate("--rehearsal", "--limit", "2", "--dry-run")).code).toBe(0)
    expect(readFileSync(join(videos, "homer_002.mp4"))).toEqual(readFileSync(source))
    writeFileSync(join(folder, "../outside.mp4"), "private")
    const outside = await evaluate("--rehearsal", "--preflight-only")
    expect([outside.code, outside.stderr]).toEqual([
      1,
      expect.stringContaining("no video file below its folder"),
    ])
    expect(existsSync(join(videos, "galaxea_003.mp4"))).toBe(false)
  })

  test("takes the videos of other gold from a folder, by their ids, and says what is missing", async () => {
    const folder = runFolder()
    const gold = join(folder, "gold.csv")
    writeFileSync(gold, "video_id,start_sec,end_sec,label\nvideo,0,1,cut\nelsewhere,0,1,stir\n")
    const run = ["evaluate", "--gold", gold, "--output-root", join(folder, "out"), "--rehearsal", ...quick]
    const none = await runCli(run, {})
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("as --videos-dir")])
    await makeVideo({ dir: folder, name: "video.mp4", frames: 60 })
    const { code, stderr, stdout } = await runCli([...run, "--videos-dir", folder], {})
    expect([code, stderr]).toEqual([0, expect.stringContaining("1 of 2 videos are not in")])
    expect(stdout).toContain("Not scored, no prediction (1): elsewhere")
    expect(readFileSync(join(folder, "out", "evaluation.md"), "utf8")).toContain("this is a rehearsal")
    const again = await runCli([...run, "--videos-dir", folder, "--json"], {})
    const lines = again.stdout.trim().split("\n")
    const last = v.parse(jsonLineSchema, JSON.parse(lines.at(-1) ?? ""))
    const report = join(folder, "out", "evaluation.json")
    expect(last).toMatchObject({ event: "evaluation_finished", report, evaluation: json(report) })
  })

  test("takes the times of frames from the videos, as `score` does", async () => {
    const folder = runFolder()
    const gold = join(folder, "gold")
    mkdirSync(join(gold, "groundTruth"), { recursive: true })
    const labels = [...Array<string>(24).fill("cut"), ...Array<string>(36).fill("stir")]
    writeFileSync(join(gold, "groundTruth", "video.txt"), `${labels.join("\n")}\n`)
    writeFileSync(join(gold, "mapping.txt"), "0 cut\n1 stir\n")
    const pts = Array.from({ length: 60 }, (_, i) => i + 24)
    await makeVideo({ dir: folder, name: "video.mkv", timeBase: [1, 24], pts })
    const paths = ["--gold", gold, "--gold-fps", "24", "--output-root", join(folder, "out")]
    const run = ["evaluate", ...paths, "--videos-dir", folder, "--rehearsal", ...quick]
    const { code, stderr } = await runCli(run, {})
    expect([code, stderr]).toEqual([0, expect.stringContaining("video: finished")])
    const scored = await runCli(["score", ...paths, "--json"], {})
    const evaluation = json(join(folder, "out", "evaluation.json"))
    expect(evaluation.score).toEqual(JSON.parse(scored.stdout).score)
    expect(readFileSync(join(folder, "out", "evaluation.svg"), "utf8")).toContain("cut (1.00-2.00 s)")
  })
})
