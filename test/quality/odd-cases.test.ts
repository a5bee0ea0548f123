/** What is odd about the formats of gold, where no other test of theirs has it. */
import { describe, expect, test } from "bun:test"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Either } from "effect"
import { readGoldFiles } from "../../src/quality/files.ts"
import { type ImportSettings, importGold } from "../../src/quality/import.ts"
import { runFolder } from "../support/folders.ts"

const fixtures = join(import.meta.dir, "fixtures")

type Files = Readonly<Record<string, string>>

const imported = (files: Files, settings: ImportSettings = {}) =>
  importGold(
    Object.entries(files).map(([path, text]) => ({ path, text })),
    settings,
  )

const read = (files: Files, settings: ImportSettings = {}) =>
  Either.getOrThrowWith(imported(files, settings), ({ message }) => new Error(message))

const refusal = (files: Files, settings: ImportSettings = {}): string =>
  Either.match(imported(files, settings), { onLeft: ({ message }) => message, onRight: () => "read" })

const labels = (files: Files, settings: ImportSettings = {}) =>
  read(files, settings).videos.flatMap(({ segments }) => segments.map(({ label }) => label))

const json = (value: unknown): string => JSON.stringify(value)

describe("CrossTask", () => {
  const video = "annotations/1_AbCdEf-_123.csv"
  const folder = (tasks: string, rows: string): Files => ({ "tasks_primary.txt": tasks, [video]: rows })

  test("tells tasks apart by their lines: title, address and an ending line may be empty or missing", () => {
    for (const tasks of [
      "1\n\n\n2\ncut,stir\n\n",
      "1\nSoup\n\n2\ncut,stir\n",
      "\n\n7\n\n\n1\nrest\n\n1\n\n\n2\ncut,stir",
      "\uFEFF1\r\nSoup\r\n\r\n2\r\ncut, stir\r\n\r\n",
      "7\n\n\n0\n\n\n1\nSoup\nhttps://example.org\n2\ncut,stir\n\n",
    ])
      expect([tasks, ...labels(folder(tasks, "2,1,2.5\n1,3,4\n"))]).toEqual([tasks, "stir", "cut"])
  })

  test("names the line where tasks are not what they should be", () => {
    expect(refusal(folder("1\nSoup\nhttps://example.org\ntwo\ncut,stir\n\n", "1,0,1\n"))).toContain(
      'tasks_primary.txt: line 1: "1" does not begin a task',
    )
    expect(refusal(folder("1\nSoup\n\n1\ncut\n2\nTea\n\n1\npour\n\n", "1,0,1\n"))).toContain("line 1")
    expect(refusal(folder("1\nSoup\n\n1\ncut, then stir\n\n", "1,0,1\n"))).toContain(
      "has 1 steps, but 2 are listed; a step cannot have a comma",
    )
    // What is wrong with a task that no video is of is not in the way.
    expect(labels(folder("7\n\n\n1\na,b\n\n1\n\n\n1\ncut\n\n", "1,0,1\n"))).toEqual(["cut"])
  })

  test("refuses rows that are no step, start and end", () => {
    for (const row of ["1,0", "1,,2", "0,0,1", "3,0,1", "1.5,0,1", "a,0,1", "1,0,1,2"])
      expect([row, refusal(folder("1\n\n\n2\ncut,stir\n\n", `${row}\n`))]).toEqual([
        row,
        expect.stringContaining("line 1"),
      ])
  })
})

describe("Gold that says nothing of a video", () => {
  test("is not gold that says that nothing happens there", () => {
    const entry = (subset: string) => ({ subset, duration: 9, annotations: [] })
    const { videos, report } = read({
      "gt.json": json({ version: "1", database: { a: entry("testing"), b: entry("validation") } }),
    })
    expect(videos.map(({ videoId }) => videoId)).toEqual(["b"])
    expect(report.leftOut).toEqual(["a: is of the test split, whose annotations are not published"])
    const task = (id: number, annotations: ReadonlyArray<unknown>) => ({
      id,
      data: { video: `/data/${id}.mp4` },
      annotations,
    })
    const range = {
      type: "timelinelabels",
      value: { ranges: [{ start: 1, end: 2 }], timelinelabels: ["cut"] },
    }
    const tasks = read(
      {
        "export.json": json([
          task(1, []),
          task(2, [{ result: [], was_cancelled: true }]),
          task(3, [{ result: [] }]),
          task(4, [
            { result: [], was_cancelled: true },
            { result: [range], was_cancelled: false },
          ]),
        ]),
      },
      { frameRate: 25 },
    )
    expect(tasks.videos.map(({ videoId, segments }) => [videoId, segments.length])).toEqual([
      ["3", 0],
      ["4", 1],
    ])
    expect(tasks.report.leftOut).toHaveLength(2)
  })
})

describe("Label Studio's JSON-MIN", () => {
  const name = "label-studio-min.json"

  test("as its SDK's converter writes it says what the full export says", async () => {
    const [min, full] = await Promise.all(
      [name, "label-studio.json"].map(async (file) =>
        Either.getOrThrow(
          importGold(await Effect.runPromise(readGoldFiles(join(fixtures, file))), { frameRate: 25 }),
        ),
      ),
    )
    expect(min?.report.format).toBe("label-studio")
    expect(min?.videos).toEqual(full?.videos ?? [])
    expect(min?.videos[0]?.segments).toHaveLength(3)
  })

  test("counts frames, and of several people's rows takes the first", async () => {
    const row = (start: number) => ({
      video: "/data/a.mp4?d=1",
      id: 1,
      steps: [{ ranges: [{ start, end: 50 }], timelinelabels: ["cut"] }],
    })
    const files = { [name]: json([row(1), row(26)]) }
    expect(Either.getOrThrow(Either.flip(imported(files))).reason).toBe("NeedsFrameRate")
    expect(read(files, { frameRate: 25 }).videos).toMatchObject([
      { videoId: "a", segments: [{ startSec: 0, endSec: 2 }] },
    ])
  })
})

describe("VIA 3", () => {
  const project = (attribute: object, av: object) => ({
    "p.json": json({
      project: {},
      attribute: { "1": { aname: "step", type: 4, options: { "0": "cut", "1": "peel" } }, ...attribute },
      file: { "1": { fname: "a.mp4" } },
      view: { "1": { fid_list: [1] } },
      metadata: { x: { vid: 1, z: [0, 1], xy: [], av } },
    }),
  })

  test("keeps choices as ids of their options, several with commas, and what is not filled in as nothing", () => {
    const checkbox = { "2": { aname: "hands", type: 2, options: { "0": "left", "1": "right" } } }
    const text = { "2": { aname: "note", type: 1, options: {} } }
    const plain = { "2": { aname: "note", type: 1 } }
    expect(labels(project({}, { "1": 1 }))).toEqual(["peel"])
    expect(labels(project(checkbox, { "1": "0", "2": "0,1" }))).toEqual(["cut, left, right"])
    expect(labels(project(checkbox, { "1": "0", "2": "" }))).toEqual(["cut"])
    expect(labels(project(text, { "1": "0", "2": "0,1" }))).toEqual(["cut, 0,1"])
    expect(labels(project(plain, { "2": "slow" }))).toEqual(["slow"])
    expect(read(project({}, { "1": "" })).report.leftOut).toEqual(['a: "" has no label'])
  })
})

describe("Other formats", () => {
  test("of captions by several people are not one person's", () => {
    const file = (end: number) => json({ v_a: { duration: 9, timestamps: [[0, end]], sentences: ["stir"] } })
    const format = "activitynet-captions"
    const both = { "val_1.json": file(4), "val_2.json": file(5) }
    expect(refusal(both, { format })).toContain("val_2.json: describes v_a, as val_1.json does")
    expect(refusal(both)).toContain("give one of them")
    const apart = { "train.json": file(4), "val_1.json": file(5).replace("v_a", "v_b") }
    expect(labels(apart, { format })).toEqual(["stir", "stir"])
  })

  test("of ELAN count milliseconds and nothing else", () => {
    const eaf = (header: string) => ({
      "a.eaf": `<ANNOTATION_DOCUMENT>${header}<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="a" TIME_VALUE="0"/><TIME_SLOT TIME_SLOT_ID="b" TIME_VALUE="50"/></TIME_ORDER><TIER TIER_ID="t"><ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="x" TIME_SLOT_REF1="a" TIME_SLOT_REF2="b"><ANNOTATION_VALUE>cut</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER></ANNOTATION_DOCUMENT>`,
    })
    expect(labels(eaf('<HEADER TIME_UNITS="milliseconds"/>'))).toEqual(["cut"])
    expect(labels(eaf("<HEADER/>"))).toEqual(["cut"])
    expect(refusal(eaf('<HEADER TIME_UNITS="PAL-frames"/>'))).toContain("counts time in PAL-frames")
  })

  test("of egocentric steps take the next best text where the first says nothing", () => {
    const times = { start_time: 0, end_time: 1 }
    const goalStep = (step: object) => ({
      "g.json": json({ videos: [{ video_uid: "u", segments: [{ ...times, ...step }] }] }),
    })
    expect(labels(goalStep({ step_description: " ", step_category: "Cook: cut" }))).toEqual(["Cook: cut"])
    expect(labels(goalStep({ step_description: null, step_category: "Cook: cut" }))).toEqual(["Cook: cut"])
    expect(labels(goalStep({ step_description: "cut ", segments: null, is_relevant: null }))).toEqual(["cut"])
  })

  test("of LeRobot before it had language columns are refused by their columns", async () => {
    const path = join(fixtures, "documented", "lerobot-subtask-index.parquet")
    const { message } = await Effect.runPromise(Effect.flip(readGoldFiles(path)))
    expect(message).toContain("its columns are timestamp, episode_index, subtask_index")
  })

  test("of tables have scores where a cell has one, and say which is none", () => {
    const table = (...rows: ReadonlyArray<string>) => ({
      "p.csv": `video_id,start_sec,end_sec,label,score,who\n${rows.join("\n")}\n`,
    })
    const [video] = read(table("v,0,1,a,0.25,ann", "v,1,2,b,,ann", "v,2,3,c,1e-3,ann")).videos
    expect(video?.segments.map(({ score }) => score)).toEqual([0.25, undefined, 0.001])
    expect(video?.segments[0]?.attributes).toEqual({ who: "ann" })
    expect(refusal(table("v,0,1,a,high,ann"))).toContain('line 2: score is "high", not a number')
  })

  test("whose segments lie in others overlap, and leave no gap while one goes on", () => {
    const rows = ["v,0,10,a", "v,1,2,b", "v,5,6,c", "v,10,11,d", "v,12,13,e"].join("\n")
    expect(read({ "g.csv": `video_id,start_sec,end_sec,label\n${rows}\n` }).report).toMatchObject({
      overlaps: 2,
      gaps: 1,
    })
  })
})

describe("A folder of JSON files", () => {
  const project = (name: string) =>
    json({
      project: {},
      attribute: { "1": { aname: "step", type: 1 } },
      file: { "1": { fname: name } },
      view: { "1": { fid_list: [1] } },
      metadata: { x: { vid: 1, z: [0, 1], av: { "1": "cut" } } },
    })

  test("is of the format that all of them are of", () => {
    const projects = { "a.json": project("a.mp4"), "b.json": project("b.mp4") }
    expect(read(projects).videos.map(({ videoId }) => videoId)).toEqual(["a", "b"])
    expect(refusal({ ...projects, "c.json": "{}" })).toContain("in none of the known gold formats")
  })

  test("may begin with byte order marks, as any other text may", async () => {
    const folder = runFolder()
    writeFileSync(join(folder, "a.json"), `\uFEFF${project("a.mp4")}`)
    const documents = await Effect.runPromise(readGoldFiles(folder))
    expect(Either.getOrThrow(importGold(documents)).report).toMatchObject({ format: "via3", segments: 1 })
    mkdirSync(join(folder, "tcn", "groundTruth"), { recursive: true })
    writeFileSync(join(folder, "tcn", "mapping.txt"), "\uFEFF0 cut\n")
    writeFileSync(join(folder, "tcn", "groundTruth", "v.txt"), "\uFEFFcut\ncut\n")
    const frames = await Effect.runPromise(readGoldFiles(join(folder, "tcn")))
    expect(Either.getOrThrow(importGold(frames, { frameRate: 2 })).videos).toMatchObject([
      { segments: [{ startSec: 0, endSec: 1, label: "cut" }] },
    ])
  })
})
