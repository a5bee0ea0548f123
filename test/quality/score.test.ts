import { beforeAll, describe, expect, test } from "bun:test"
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { helpOf } from "../../src/cli/flag.ts"
import { score } from "../../src/cli/flags/scoring.ts"
import { openVideo } from "../../src/dataset/open.ts"
import { ownFormat } from "../../src/quality/finished.ts"
import { goldFormats } from "../../src/quality/formats/formats.ts"
import { lanesSvg } from "../../src/quality/lanes.ts"
import { pairVideos } from "../../src/quality/pairing.ts"
import { type ComparedVideo, scoreVideos } from "../../src/quality/score.ts"
import { goldWriters } from "../../src/quality/writers/writers.ts"
import { startChatServer } from "../support/chat-server.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { runCli } from "../support/run-cli.ts"
import { quickSettings, runPipeline } from "../support/run-pipeline.ts"

const video = (
  videoId: string,
  gold: ReadonlyArray<readonly [number, number, string]>,
  predicted: ReadonlyArray<readonly [number, number, string]>,
): ComparedVideo => {
  const segments = (rows: typeof gold) =>
    rows.map(([startSec, endSec, label]) => ({ startSec, endSec, label }))
  return { videoId, durationSec: 100, gold: segments(gold), predicted: segments(predicted) }
}

describe("A score", () => {
  const right = video(
    "a",
    [
      [0, 5, "Cut"],
      [5, 9, "Stir"],
    ],
    [
      [0, 5, "cut"],
      [5, 9, "stir"],
    ],
  )
  const wrong = video(
    "b",
    [
      [0, 5, "Cut"],
      [5, 9, "Stir"],
    ],
    [[20, 30, "rest"]],
  )

  test("is 1 where everything agrees", () => {
    const score = scoreVideos([right])
    expect(score.segments.map(({ f1 }) => f1)).toEqual([1, 1, 1, 1])
    expect(score.wgo.f1).toBe(1)
    expect(score.boundaries.medianErrorSec).toBe(0)
    expect(score.segmental).toEqual({
      f1: [0.1, 0.25, 0.5].map((at) => ({ at, f1: 1 })),
      edit: 100,
      meanOverFrames: 1,
    })
    expect(score.soda.f1).toBe(1)
    expect(score.misses).toEqual({ merged: 0, split: 0, shifted: 0, missing: 0 })
  })

  test("pools what is right and what is wrong, and says what was missed", () => {
    const score = scoreVideos([right, wrong])
    expect(score.segments[2]).toMatchObject({ at: 0.5, precision: 2 / 3, recall: 0.5 })
    expect(score.misses.missing).toBe(2)
    expect(score.recallByDuration.map(({ found, gold }) => [found, gold])).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
      [2, 4],
      [0, 0],
    ])
  })

  test("leaves out what cannot be said", () => {
    const score = scoreVideos([wrong])
    expect(score.segmental).toBeNull()
    expect(score.meanAveragePrecision).toBeNull()
    expect(score.boundaries.medianErrorSec).toBeNull()
    expect(scoreVideos([])).toMatchObject({ videos: 0, gebd: null })
  })

  test("takes the rater that fits best by GEBD's rule, where the gold has several", () => {
    // The border at 5 s is 45 s from that of the first rater, and at that of the second.
    const raters = [[50], [5]]
    expect(scoreVideos([{ ...right, raters }]).gebd?.f1).toBe(1)
    expect(scoreVideos([{ ...right, raters: raters.slice(0, 1) }]).gebd?.f1).toBe(0)
    const gold = [{ videoId: "a", durationSec: 100, segments: right.gold, raters }]
    expect(pairVideos(gold, [{ videoId: "a", segments: right.predicted }]).videos[0]?.raters).toEqual(raters)
  })

  test("has a mean average precision where predictions have scores", () => {
    const scored = { ...right, predicted: right.predicted.map((segment) => ({ ...segment, score: 1 })) }
    expect(scoreVideos([scored]).meanAveragePrecision).toMatchObject({ mean: 1 })
  })
})

describe("Pairs", () => {
  test("go by id, with or without ActivityNet's v_, and name what has no partner", () => {
    const named = (videoId: string) => ({ videoId, segments: [] })
    const pairing = pairVideos([named("v_1"), named("2"), named("3")], [named("1"), named("2"), named("9")])
    expect(pairing.videos.map(({ videoId }) => videoId)).toEqual(["v_1", "2"])
    expect(pairing.withoutPrediction).toEqual(["3"])
    expect(pairing.withoutGold).toEqual(["9"])
  })
})

test("The picture shows both lanes of every video, and texts cannot break it", () => {
  const svg = lanesSvg([video('<script>"x"', [[0, 5, "a <b> & \u0007c"]], [[1, 4, "d"]])])
  expect(svg).not.toContain("<script>")
  expect(svg).toContain("&lt;script&gt;")
  expect(svg).toContain("<title>a &lt;b&gt; &amp; c (0.00-5.00 s)</title>")
  expect(svg.match(/<rect [^>]*rx="2"/gu)).toHaveLength(2)
})

describe("The command `score`", () => {
  const folder = runFolder()
  const gold = join(folder, "gold.csv")
  const predictions = join(folder, "predictions.jsonl")

  beforeAll(() => {
    writeFileSync(gold, "video_id,start_sec,end_sec,label\nv,0,5,cut\nv,5,9,stir\nw,0,1,x\n")
    writeFileSync(predictions, '{"video_id":"v","start_sec":0,"end_sec":5,"label":"cut"}\n')
  })

  test("prints a table, writes the figures and draws the lanes", async () => {
    const [report, lanes] = [join(folder, "score.json"), join(folder, "lanes.svg")]
    const { code, stdout } = await runCli(
      ["score", "--gold", gold, "--predictions", predictions, "--report-json", report, "--lanes", lanes],
      {},
    )
    expect(code).toBe(0)
    expect(stdout).toContain("Not scored, no prediction (1): w")
    expect(stdout).toMatch(/IoU 0\.5 +1\.000 +0\.500 +0\.667/u)
    expect(JSON.parse(readFileSync(report, "utf8"))).toMatchObject({
      score: { videos: 1, gold: 2, predicted: 1 },
    })
    expect(readFileSync(lanes, "utf8")).toStartWith("<svg ")
  })

  test("says what is wrong with what it is given", async () => {
    const failing = async (...args: ReadonlyArray<string>) => {
      const { code, stderr } = await runCli(["score", ...args], {})
      return `${code} ${stderr.trim()}`
    }
    expect(await failing("--gold", gold)).toContain(
      "2 error: give either --output-root DIR or --predictions PATH",
    )
    expect(await failing("--gold", join(folder, "no.csv"), "--predictions", predictions)).toContain(
      "does not exist",
    )
    mkdirSync(join(folder, "empty"), { recursive: true })
    expect(await failing("--gold", join(folder, "empty"), "--predictions", predictions)).toContain(
      "holds no gold",
    )
    writeFileSync(join(folder, "other.csv"), "video_id,start_sec,end_sec,label\nzzz,0,5,cut\n")
    expect(await failing("--gold", join(folder, "other.csv"), "--predictions", predictions)).toContain(
      "2 error: nothing to score",
    )
    writeFileSync(join(folder, "latin.csv"), Buffer.from([0x76, 0xe9, 0x0a]))
    expect(await failing("--gold", join(folder, "latin.csv"), "--predictions", predictions)).toContain(
      "is not UTF-8 text",
    )
  })

  test("scores finished folders by the times, keyframes and costs in them, and names those that are not finished", async () => {
    const dataset = join(folder, "dataset")
    const video = await makeVideo({ dir: folder, name: "video.mp4", frames: 60 })
    await using server = startChatServer()
    const { error } = await runPipeline(video, quickSettings(dataset), server)
    expect(error).toBeUndefined()
    const { steps, durationSec, highLevelGoal } = await Effect.runPromise(openVideo(join(dataset, "video")))
    expect(steps.every(({ startSec, endSec }) => endSec > startSec && endSec <= durationSec + 0.001)).toBe(
      true,
    )
    expect(highLevelGoal.length).toBeGreaterThan(0)
    for (const { keyframes } of steps)
      for (const { imagePath } of keyframes)
        expect(readFileSync(join(dataset, "video", imagePath)).length).toBeGreaterThan(0)
    const lines = steps.map(({ startSec, endSec, stepGoal }) => `video,${startSec},${endSec},"${stepGoal}"`)
    const exact = join(folder, "exact.csv")
    writeFileSync(exact, `video_id,start_sec,end_sec,label\n${lines.join("\n")}\n`)
    mkdirSync(join(dataset, "half"))
    writeFileSync(join(dataset, "half", "run_summary.json"), "{}")
    const { code, stdout } = await runCli(["score", "--gold", exact, "--output-root", dataset, "--json"])
    expect(code).toBe(0)
    const report = JSON.parse(stdout)
    expect(report.score.wgo.f1).toBe(1)
    expect(report.score.segmental.edit).toBe(100)
    expect(report.keyframes).toMatchObject({
      keyframes: 2 * steps.length,
      inStep: 2 * steps.length,
      inGold: 2 * steps.length,
    })
    expect(report.cost.tokens).toBeGreaterThan(0)
    expect(report.unfinished).toHaveLength(1)
    expect(report.unfinished[0]).toContain("half")
    for (const own of [dataset, join(dataset, "video")]) {
      const asGold = await runCli(["score", "--gold", own, "--output-root", dataset, "--json"])
      const { gold: taken, score: same } = JSON.parse(asGold.stdout)
      expect(taken).toMatchObject({ format: "triptych", videos: 1, segments: steps.length })
      expect(taken.leftOut).toHaveLength(own === dataset ? 1 : 0)
      expect(same.wgo.f1).toBe(1)
    }
    const nothing = await runCli(["score", "--gold", join(dataset, "half"), "--output-root", dataset])
    expect([nothing.code, nothing.stderr]).toEqual([
      1,
      expect.stringContaining("run_summary.json is not what it should be"),
    ])
    const none = ["score", "--gold", gold, "--gold-format", "triptych", "--output-root", dataset]
    expect((await runCli(none)).stderr).toContain("gold.csv")
    const csv = join(folder, "converted")
    expect((await runCli(["convert", "--gold", dataset, "--to", "csv", "--output", csv])).code).toBe(0)
    const back = await runCli([
      "compare",
      join(csv, "gold.csv"),
      dataset,
      "--gold",
      join(dataset, "video"),
      "--json",
    ])
    expect(JSON.parse(back.stdout).comparison.moved).toEqual([])
    const segments = join(dataset, "video", "stage2", "step_segments.json")
    renameSync(segments, join(folder, "elsewhere.json"))
    symlinkSync(join(folder, "elsewhere.json"), segments)
    const linked = await Effect.runPromise(Effect.flip(openVideo(join(dataset, "video"))))
    expect(linked.message).toContain("is a link")
    rmSync(segments)
    const broken = await Effect.runPromise(Effect.flip(openVideo(join(dataset, "video"))))
    expect(broken.message).toContain("step_segments.json is missing")
  })
})

test("The page on scoring has every flag and every gold format, and no other", async () => {
  const page = await Bun.file(join(import.meta.dir, "../../docs/scoring.md")).text()
  const flagsOnPage = [...page.matchAll(/^\| `(--[\w-]+)(?: \w+)?` \|/gmu)].map(([, flag]) => flag)
  expect(flagsOnPage).toEqual(Object.values(score).map((flag) => `--${helpOf(flag)?.name}`))
  const [, formats = ""] = page.split("## Gold formats")
  const names = [...formats.matchAll(/^\| (`[\w-]+`(?:, `[\w-]+`)*) \|/gmu)].flatMap(([, cell = ""]) =>
    cell.replaceAll("`", "").split(", "),
  )
  expect(names.slice(0, goldFormats.length + 1)).toEqual([ownFormat, ...goldFormats.map(({ name }) => name)])
  const [, rest = ""] = page.split("## Gold in another format")
  const written = [...rest.matchAll(/^\| (`[\w-]+`(?:, `[\w-]+`)*) \|/gmu)].flatMap(([, cell = ""]) =>
    cell.replaceAll("`", "").split(", "),
  )
  expect(written.toSorted()).toEqual(goldWriters.map(({ name }) => name).toSorted())
})
