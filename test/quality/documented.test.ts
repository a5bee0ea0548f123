/** Gold in the layout of each format's documentation, written by `peers/documented.py`, which says in truth.json what is in it. */
import { describe, expect, test } from "bun:test"
import { join } from "node:path"
import { Effect, Either } from "effect"
import * as v from "valibot"
import { readGoldFiles } from "../../src/quality/files.ts"
import { goldFormats } from "../../src/quality/formats/formats.ts"
import { importGold } from "../../src/quality/import.ts"
import { pairVideos } from "../../src/quality/pairing.ts"
import { goldWriters, writeGold } from "../../src/quality/writers/writers.ts"

const folder = join(import.meta.dir, "fixtures", "documented")

const truthSchema = v.record(
  v.string(),
  v.strictObject({
    format: v.string(),
    path: v.string(),
    unit: v.picklist(["seconds", "frames"]),
    frameRate: v.nullable(v.number()),
    /** The rate that a reader has to be told. */
    given: v.nullable(v.number()),
    level: v.number(),
    overlaps: v.number(),
    gaps: v.number(),
    leftOut: v.number(),
    videos: v.array(
      v.strictObject({
        videoId: v.string(),
        durationSec: v.optional(v.number()),
        segments: v.array(v.strictObject({ start: v.number(), end: v.number(), label: v.string() })),
      }),
    ),
    raters: v.optional(v.record(v.string(), v.array(v.array(v.number())))),
  }),
)

const truth = v.parse(truthSchema, await Bun.file(join(folder, "truth.json")).json())

const read = async ({ path, given, level }: (typeof truth)[string], format = "auto") =>
  importGold(await Effect.runPromise(readGoldFiles(join(folder, path))), {
    format,
    level,
    ...(given === null ? {} : { frameRate: given }),
  })

/** Formats whose files are written by a program of their own: `peers/tools.py`, `label_studio.py` and `parquet.py`. */
const byTheirTools = ["wgo", "label-studio", "elan", "webvtt", "srt"]

describe("Gold as its documentation describes it", () => {
  test("is there for every format that no program of its own writes", () => {
    const documented = new Set(Object.values(truth).map(({ format }) => format))
    expect([...documented, ...byTheirTools].toSorted()).toEqual(
      goldFormats.map(({ name }) => name).toSorted(),
    )
  })

  for (const [name, said] of Object.entries(truth)) {
    test(`${name}: every border and label is read, and the report says what is in it`, async () => {
      const { videos, report } = Either.getOrThrow(await read(said))
      expect(videos.map(({ videoId }) => videoId)).toEqual(said.videos.map(({ videoId }) => videoId))
      for (const [i, { durationSec, segments }] of said.videos.entries()) {
        const own = videos[i]
        expect(own?.segments.map(({ label }) => label)).toEqual(segments.map(({ label }) => label))
        // A time of the file is the number that is there; a frame is divided by its rate, which may round once.
        const borders = own?.segments.map(({ startSec, endSec }) => [startSec, endSec])
        if (said.unit === "seconds") expect(borders).toEqual(segments.map(({ start, end }) => [start, end]))
        for (const [k, { start, end }] of segments.entries()) {
          expect(own?.segments[k]?.startSec).toBeCloseTo(start, 9)
          expect(own?.segments[k]?.endSec).toBeCloseTo(end, 9)
        }
        if (durationSec !== undefined) expect(own?.durationSec).toBe(durationSec)
      }
      expect(report).toMatchObject({
        format: said.format,
        unit: said.unit,
        frameRate: said.frameRate,
        videos: said.videos.length,
        segments: said.videos.reduce((sum, { segments }) => sum + segments.length, 0),
        overlaps: said.overlaps,
        gaps: said.gaps,
      })
      expect(report.leftOut).toHaveLength(said.leftOut)
      expect(Either.getOrThrow(await read(said, said.format)).videos).toEqual(videos)
    })

    test(`${name}: videos are paired by id, and those without a partner are named`, async () => {
      const { videos } = Either.getOrThrow(await read(said))
      const [first, ...others] = videos
      const stranger = { videoId: "stranger", segments: [] }
      const pairing = pairVideos(videos, first === undefined ? [] : [first, stranger])
      expect(pairing.videos.map(({ videoId }) => videoId)).toEqual([first?.videoId ?? ""])
      expect(pairing.withoutPrediction).toEqual(others.map(({ videoId }) => videoId))
      expect(pairing.withoutGold).toEqual(["stranger"])
    })
  }

  for (const { name, precisionSec, countsFrames = false } of goldWriters) {
    const said = truth[name]
    if (said === undefined) continue
    test(`${name}: what is written again in its format is the same, to its precision`, async () => {
      const rate = said.given === null ? {} : { frameRate: said.given }
      const { videos } = Either.getOrThrow(await read(said))
      const written = Either.getOrThrow(writeGold(videos, { format: name, ...rate }))
      const again = Either.getOrThrow(importGold(written, { format: name, ...rate }))
      expect(again.report.leftOut).toEqual([])
      const byId = new Map(again.videos.map((video) => [video.videoId, video.segments]))
      const lostSec = (countsFrames ? 1 / (said.given ?? 1) : precisionSec) / 2 + 1e-9
      for (const { videoId, segments } of videos) {
        // A table has no row for a video without segments.
        const own = byId.get(videoId) ?? []
        expect(own.map(({ label }) => label)).toEqual(segments.map(({ label }) => label))
        for (const [i, { startSec, endSec }] of segments.entries()) {
          expect(Math.abs((own[i]?.startSec ?? Number.NaN) - startSec)).toBeLessThanOrEqual(lostSec)
          expect(Math.abs((own[i]?.endSec ?? Number.NaN) - endSec)).toBeLessThanOrEqual(lostSec)
        }
      }
    })
  }

  test("is refused where it counts frames and no rate is given", async () => {
    const needing = Object.values(truth).filter(({ given }) => given !== null)
    expect(needing.length).toBeGreaterThan(0)
    for (const said of needing)
      expect(Either.getOrThrow(Either.flip(await read({ ...said, given: null }))).reason).toBe(
        "NeedsFrameRate",
      )
  })

  test("keeps the borders of all raters, in the order of the file", async () => {
    const gebd = truth.gebd ?? expect.unreachable("there is a set of GEBD's")
    const { videos } = Either.getOrThrow(await read(gebd))
    expect(Object.fromEntries(videos.map(({ videoId, raters }) => [videoId, raters]))).toEqual(
      gebd.raters ?? {},
    )
  })

  test("keeps scores of predictions", async () => {
    const results = truth["activitynet results"] ?? expect.unreachable("there are results of ActivityNet")
    const { videos } = Either.getOrThrow(await read(results))
    expect(videos[0]?.segments.map(({ score }) => score)).toEqual([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
  })
})
