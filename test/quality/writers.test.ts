import { describe, expect, test } from "bun:test"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Either } from "effect"
import type { GoldVideo } from "../../src/quality/gold.ts"
import { importGold } from "../../src/quality/import.ts"
import { goldWriters, writeGold } from "../../src/quality/writers/writers.ts"
import { runFolder } from "../support/folders.ts"
import { randomNumbers } from "../support/random.ts"
import { runCli } from "../support/run-cli.ts"

const frameRate = 30

const written = (format: string, videos: ReadonlyArray<GoldVideo>, rate: number | undefined = frameRate) =>
  writeGold(videos, { format, ...(rate === undefined ? {} : { frameRate: rate }) })

const filesOf = (format: string, videos: ReadonlyArray<GoldVideo>) =>
  Either.getOrThrowWith(written(format, videos), ({ message }) => new Error(message))

const readBack = (format: string, videos: ReadonlyArray<GoldVideo>) =>
  Either.getOrThrowWith(
    importGold(filesOf(format, videos), { frameRate }),
    ({ message }) => new Error(message),
  )

const refusal = (format: string, videos: ReadonlyArray<GoldVideo>) =>
  Either.match(written(format, videos), {
    onLeft: ({ reason, message }) => `${reason} ${message}`,
    onRight: () => "written",
  })

const videoOf = (...segments: ReadonlyArray<readonly [number, number, string]>): GoldVideo => ({
  videoId: "AbCdEf-_123",
  durationSec: 4000.5,
  segments: segments.map(([startSec, endSec, label]) => ({ startSec, endSec, label })),
})

/** Seconds that may be lost: half of what the format counts in. */
const lost = (format: string): number => {
  const writer = goldWriters.find(({ name }) => name === format)
  const unit = writer?.countsFrames === true ? 1 / frameRate : (writer?.precisionSec ?? 0)
  return unit / 2 + 1e-9
}

const random = randomNumbers(13)

/** Videos whose borders lie anywhere, some of them shared, with odd texts. */
const anyVideos = (): ReadonlyArray<GoldVideo> =>
  Array.from({ length: 20 }, (_, v) => {
    let time = random() * 3
    const segments = Array.from({ length: Math.floor(random() * 6) }, (_, i) => {
      const startSec = time
      const endSec = startSec + 0.05 + random() * 10 ** Math.floor(random() * 4)
      time = endSec + (random() < 0.5 ? 0 : random())
      return { startSec, endSec, label: `${["Cut & peel", "洗碗 – done", 'the "big" one'][i % 3]} ${i}` }
    })
    return { videoId: `Video-_${String(v).padStart(4, "0")}`, durationSec: time + 1, segments }
  })

describe("Written gold", () => {
  for (const { name } of goldWriters)
    test(`${name} is recognised, and keeps every border to its precision`, () => {
      const videos = anyVideos()
      const back = readBack(name, videos)
      expect(back.report.format).toBe(name)
      expect(back.report.leftOut).toEqual([])
      // Tables have no place for a video without segments.
      const kept = new Map(back.videos.map((video) => [video.videoId, video.segments]))
      for (const { videoId, segments } of videos) {
        const own = kept.get(videoId) ?? []
        expect(own.map(({ label }) => label.replaceAll("_", " "))).toEqual(segments.map(({ label }) => label))
        for (const [i, { startSec, endSec }] of segments.entries()) {
          expect(Math.abs((own[i]?.startSec ?? Number.NaN) - startSec)).toBeLessThanOrEqual(lost(name))
          expect(Math.abs((own[i]?.endSec ?? Number.NaN) - endSec)).toBeLessThanOrEqual(lost(name))
        }
      }
    })

  test("keeps texts that its format has signs for, in the label of a step and out of its structure", () => {
    const label = 'Cut the "big" onion, <b>fast</b> & well --> done'
    const videos = [videoOf([0, 1.234_567, label], [3599.9996, 3661.5, "洗碗"])]
    for (const format of [
      "csv",
      "jsonl",
      "activitynet",
      "elan",
      "webvtt",
      "via3",
      "label-studio",
      "epic-kitchens",
    ])
      expect([
        format,
        ...(readBack(format, videos).videos[0]?.segments.map((each) => each.label) ?? []),
      ]).toEqual([format, label, "洗碗"])
    // SubRip cannot say that a tag is none.
    expect(readBack("srt", videos).videos[0]?.segments[0]?.label).toBe(
      'Cut the "big" onion, fast & well --> done',
    )
  })

  test("keeps overlaps where the format has room for them", () => {
    const videos = [videoOf([0, 5, "cut"], [3, 8, "stir"])]
    for (const { name } of goldWriters) {
      if (name === "mstcn")
        expect(refusal(name, videos)).toStartWith("Unwritable AbCdEf-_123: its segments overlap")
      else expect([name, readBack(name, videos).report.overlaps]).toEqual([name, 1])
    }
  })

  test("carries tasks, classes and scores over where the format has them", () => {
    const withTask = {
      startSec: 0,
      endSec: 1,
      label: "cut",
      attributes: { task: "16815", class: "Steak" },
      score: 0.5,
    }
    const videos = [{ ...videoOf(), segments: [withTask] }]
    expect(filesOf("crosstask", videos).map(({ path }) => path)).toEqual([
      "tasks_primary.txt",
      "annotations/16815_AbCdEf-_123.csv",
    ])
    expect(readBack("coin", videos).videos[0]?.segments[0]?.attributes).toEqual({ class: "Steak" })
    const unsure = { startSec: 1, endSec: 2, label: "stir" }
    for (const format of ["jsonl", "csv"])
      expect([
        format,
        ...(readBack(format, [{ ...videoOf(), segments: [withTask, unsure] }]).videos[0]?.segments.map(
          ({ score }) => score,
        ) ?? []),
      ]).toEqual([format, 0.5, undefined])
  })

  test("refuses what its format cannot hold, with the reason", () => {
    expect(refusal("mstcn", [videoOf([0, 1, "cut"], [1, 2, "cut"])])).toContain(
      "labels of frames would join them",
    )
    expect(refusal("mstcn", [videoOf([0, 1, "SIL"])])).toContain("stands for nothing")
    expect(refusal("mstcn", [videoOf([0, 0.01, "cut"])])).toContain("is too short for mstcn")
    expect(refusal("label-studio", [videoOf([0, 0.01, "cut"])])).toContain("is too short")
    expect(refusal("elan", [videoOf([1, 1.0002, "cut"])])).toContain("counts in 0.001 s")
    expect(refusal("crosstask", [videoOf([0, 1, "cut, peel"])])).toContain("separates steps by commas")
    expect(refusal("crosstask", [{ ...videoOf([0, 1, "cut"]), videoId: "short" }])).toContain("11 characters")
    for (const videoId of ["a/b", "..", ".hidden", "", "a\nb", "a?b"])
      expect(refusal("webvtt", [{ ...videoOf(), videoId }])).toContain("is no name of a file")
    expect(refusal("wgo", [])).toContain("it is written as")

    for (const format of ["mstcn", "label-studio"])
      expect(Either.getOrThrow(Either.flip(writeGold([videoOf()], { format }))).reason).toBe("NeedsFrameRate")
  })
})

describe("The command `convert`", () => {
  test("writes gold in another format, and no file twice", async () => {
    const folder = runFolder()
    const gold = join(folder, "gold.csv")
    const output = join(folder, "out")
    writeFileSync(gold, "video_id,start_sec,end_sec,label\nv 1,0,5,cut\nw,5,9.25,stir\nw,3,2,none\n")
    const { code, stdout, stderr } = await runCli([
      "convert",
      "--gold",
      gold,
      "--to",
      "webvtt",
      "--output",
      output,
    ])
    expect([code, stdout.trim()]).toEqual([0, `2 segments of 2 videos in 2 files of ${output}`])
    expect(stderr).toContain('left out: w: "none" ends at 2')
    expect(readFileSync(join(output, "w.vtt"), "utf8")).toContain("00:00:05.000 --> 00:00:09.250\nstir")
    writeFileSync(join(output, "v 1.vtt"), "WEBVTT\n\ncorrected")
    const again = await runCli(["convert", "--gold", gold, "--to", "webvtt", "--output", output])
    expect(again.code).toBe(2)
    expect(again.stderr).toContain("is there already; nothing was written")
    expect(readFileSync(join(output, "v 1.vtt"), "utf8")).toContain("corrected")
    const frames = await runCli([
      "convert",
      "--gold",
      gold,
      "--to",
      "mstcn",
      "--output",
      join(folder, "frames"),
    ])
    expect([frames.code, existsSync(join(folder, "frames"))]).toEqual([2, false])
    expect(frames.stderr).toContain("give the frames a second to count at")
  })
})
