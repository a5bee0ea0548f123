import { describe, expect, test } from "bun:test"
import { mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Either } from "effect"
import { readGoldFiles } from "../../src/quality/files.ts"
import { goldFormats } from "../../src/quality/formats/formats.ts"
import { type ImportSettings, importGold } from "../../src/quality/import.ts"
import { runFolder } from "../support/folders.ts"

/** One sound set of a format: its files, what they say, and the rate where they count frames. */
interface Sample {
  readonly files: Files
  readonly says: ReadonlyArray<string>
  readonly settings?: ImportSettings
}

type Files = Readonly<Record<string, string>>

const documents = (files: Files) => Object.entries(files).map(([path, text]) => ({ path, text }))

const read = (files: Files, settings: ImportSettings = {}) =>
  Either.getOrThrowWith(importGold(documents(files), settings), (error) => new Error(error.message))

const refused = (files: Files, settings: ImportSettings = {}) => {
  const result = importGold(documents(files), settings)
  return Either.isLeft(result) ? result.left : undefined
}

/** `video start-end label` of all segments. */
const listed = (files: Files, settings: ImportSettings = {}): ReadonlyArray<string> =>
  read(files, settings).videos.flatMap(({ videoId, segments }) =>
    segments.map(({ startSec, endSec, label }) => `${videoId} ${startSec}-${endSec} ${label}`),
  )

const json = (value: unknown): string => JSON.stringify(value)

/** One small sound set of every format: its files, what they say, and the rate where they count frames. */
const samples: Readonly<Record<string, Sample>> = {
  activitynet: {
    files: {
      "gt.json": json({
        version: "1.3",
        taxonomy: [],
        database: {
          a1: { subset: "validation", duration: 30.5, annotations: [{ label: "Mix", segment: [1.5, 4] }] },
        },
      }),
    },
    says: ["a1 1.5-4 Mix"],
  },
  "activitynet-captions": {
    files: {
      "val_1.json": json({ v_x: { duration: 9, timestamps: [[0, 4.5]], sentences: [" He stirs. "] } }),
    },
    says: ["v_x 0-4.5 He stirs."],
  },
  gebd: {
    files: {
      "k400_val.json": json({
        q1: {
          num_frames: 250,
          fps: 25,
          video_duration: 10,
          f1_consis: [0.5, 0.9],
          f1_consis_avg: 0.7,
          substages_timestamps: [[8, 2], [4.5]],
        },
        unclear: { video_duration: 10, f1_consis: [0.1], f1_consis_avg: 0.29, substages_timestamps: [[1]] },
      }),
    },
    says: ["q1 0-4.5 event", "q1 4.5-10 event"],
  },
  youcook2: {
    files: {
      "youcookii_annotations_trainval.json": json({
        database: {
          GLd3: {
            duration: 241.62,
            subset: "training",
            recipe_type: "113",
            video_url: "https://example.org/watch",
            annotations: [{ id: 0, segment: [90, 102], sentence: "spread margarine on bread" }],
          },
        },
      }),
    },
    says: ["GLd3 90-102 spread margarine on bread"],
  },
  coin: {
    files: {
      "COIN.json": json({
        database: {
          z1: {
            duration: 60,
            class: "PutOnHairExtensions",
            start: 1,
            end: 50,
            annotation: [{ id: "1", segment: [2, 9], label: "comb" }],
          },
        },
      }),
    },
    says: ["z1 2-9 comb"],
  },
  crosstask: {
    files: {
      "tasks_primary.txt":
        "16815\nGrill Steak\nhttps://example.org/a\n2\nseason steak,put steak on grill\n\n23521\nMake Jello Shots\nhttps://example.org/b\n1\npour water\n",
      "annotations/16815_AbCdEf-_123.csv": "2,10.5,20.25\n1,1,5\n",
    },
    says: ["AbCdEf-_123 1-5 season steak", "AbCdEf-_123 10.5-20.25 put steak on grill"],
  },
  "epic-kitchens": {
    files: {
      "EPIC_100_validation.csv":
        'narration_id,participant_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,start_frame,stop_frame,narration,verb,verb_class,noun,noun_class,all_nouns,all_noun_classes\nP01_11_0,P01,P01_11,00:00:01.00,00:00:00.00,00:00:03.01,1,180,"take plate, bowl",take,0,plate,2,"[\'plate\']",[2]\nP01_11_1,P01,P01_11,00:00:02.00,00:01:02.50,01:00:00.00,1,180,put down,put,1,plate,2,[],[2]\n',
    },
    says: ["P01_11 0-3.01 take plate, bowl", "P01_11 62.5-3600 put down"],
  },
  "goal-step": {
    files: {
      "goalstep_val.json": json({
        videos: [
          {
            video_uid: "u1",
            start_time: 0,
            end_time: 100,
            goal_category: "MAKE_TEA",
            segments: [
              {
                start_time: 1,
                end_time: 30,
                step_category: "boil water",
                step_description: "boils water",
                is_relevant: "essential",
                segments: [
                  { start_time: 2, end_time: 9, step_description: "fills the kettle", segments: [] },
                ],
              },
            ],
          },
        ],
      }),
    },
    says: ["u1 1-30 boils water"],
  },
  "egoexo-keystep": {
    files: {
      "keystep_val.json": json({
        annotations: {
          uid: {
            take_name: "cmu_bike01_2",
            segments: [{ start_time: 3, end_time: 4.5, step_name: "Remove wheel", is_essential: true }],
          },
        },
        taxonomy: {},
      }),
    },
    says: ["cmu_bike01_2 3-4.5 Remove wheel"],
  },
  assembly101: {
    files: {
      "validation.csv":
        "id,video,start_frame,end_frame,action_id,verb_id,noun_id,action_cls,verb_cls,noun_cls,toy_id,toy_name,is_shared,is_RGB\n1,nusc_a/C10_rgb.mp4,30,75,1,1,1,pick up wheel,pick up,wheel,a1,truck,0,1\n",
    },
    says: ["nusc_a/C10_rgb 1-2.5 pick up wheel"],
  },
  mstcn: {
    files: {
      "mapping.txt": "0 background\n1 pour\n2 stir\n",
      "groundTruth/P1_tea.txt": "background\npour\npour\nstir\nstir\nstir\nbackground\n",
    },
    settings: { frameRate: 2 },
    says: ["P1_tea 0.5-1.5 pour", "P1_tea 1.5-3 stir"],
  },
  "label-studio": {
    files: {
      "export.json": json([
        {
          id: 1,
          data: { video: "/data/upload/3/clip-7.mp4?d=1" },
          annotations: [
            {
              result: [
                {
                  id: "x",
                  type: "timelinelabels",
                  from_name: "t",
                  to_name: "v",
                  value: { ranges: [{ start: 1, end: 25 }], timelinelabels: ["Reach"] },
                },
                { id: "y", type: "choices", value: { choices: ["good"] } },
              ],
            },
          ],
        },
      ]),
    },
    settings: { frameRate: 25 },
    says: ["clip-7 0-1 Reach"],
  },
  via3: {
    files: {
      "project.json": json({
        project: { pid: "p", data_format_version: "3.1.2", vid_list: ["1"] },
        config: {},
        attribute: {
          "1": { aname: "step", anchor_id: "FILE1_Z2_XY0", type: 4, options: { "0": "cut", "1": "peel" } },
        },
        file: { "1": { fid: 1, fname: "kitchen.mp4", type: 4, loc: 1, src: "" } },
        view: { "1": { fid_list: [1] } },
        metadata: {
          "1_a": { vid: "1", flg: 0, z: [0.5, 2.25], xy: [], av: { "1": "1" } },
          "1_b": { vid: "1", flg: 0, z: [3], xy: [], av: { "1": "0" } },
        },
      }),
    },
    says: ["kitchen 0.5-2.25 peel"],
  },
  elan: {
    files: {
      "session.eaf": `<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2026-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0">
<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds"/>
<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="500"/><TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="1750"/><TIME_SLOT TIME_SLOT_ID="ts3"/></TIME_ORDER>
<TIER TIER_ID="empty" LINGUISTIC_TYPE_REF="d"/>
<TIER TIER_ID="steps" LINGUISTIC_TYPE_REF="d">
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2"><ANNOTATION_VALUE>Cut &amp; peel</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a2" TIME_SLOT_REF1="ts2" TIME_SLOT_REF2="ts3"><ANNOTATION_VALUE>open end</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
</TIER>
<TIER TIER_ID="notes" PARENT_REF="steps" LINGUISTIC_TYPE_REF="d">
<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a3" ANNOTATION_REF="a1"><ANNOTATION_VALUE>slow</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>
</TIER></ANNOTATION_DOCUMENT>`,
    },
    says: ["session 0.5-1.75 Cut & peel"],
  },
  webvtt: {
    files: {
      "cook.vtt":
        "\uFEFFWEBVTT - steps\r\n\r\nNOTE made by hand\r\n\r\n1\r\n00:01.000 --> 00:04.500 align:start\r\n<v Ann>Cut the onion</v>\r\nfinely\r\n\r\n01:00:00.000 --> 01:00:01.000\r\nFish &amp; chips\r\n",
    },
    says: ["cook 1-4.5 Cut the onion finely", "cook 3600-3601 Fish & chips"],
  },
  srt: {
    files: {
      "cook.srt": "1\n00:00:01,250 --> 00:00:02,000\nCut\n\n2\n00:00:02,000 --> 00:00:03,000\n<i>Stir</i>\n",
    },
    says: ["cook 1.25-2 Cut", "cook 2-3 Stir"],
  },
  csv: {
    files: {
      "gold.csv":
        'video_id,label,start_sec,end_sec,who\nv1,"a, ""b""",0.1,2.5,ann\nv2,c,1,2,bob\nv1,d,3,4,ann\n',
    },
    says: ['v1 0.1-2.5 a, "b"', "v1 3-4 d", "v2 1-2 c"],
  },
  jsonl: {
    files: {
      "gold.jsonl":
        '{"video_id":"v","start_sec":0,"end_sec":1.5,"label":"a","score":0.5}\n\n{"video_id":"v","start_sec":2,"end_sec":3,"label":"b"}\n',
    },
    says: ["v 0-1.5 a", "v 2-3 b"],
  },
}

const fixture = async (file: string): Promise<Files> => {
  const documents = await Effect.runPromise(readGoldFiles(join(import.meta.dir, "fixtures", file)))
  return Object.fromEntries(documents.map(({ path, text }) => [path, text]))
}

/** Formats that are read from files of their own, which pyarrow wrote: `peers/parquet.py`. */
const parquetSamples: Readonly<Record<string, Sample>> = {
  wgo: {
    files: await fixture("wgo.parquet"),
    says: [
      "droid_001 0-3.25 pick up the cup",
      "droid_001 3.25-7.5 place the cup on the shelf",
      "homer_002 0-12 wipe the table",
    ],
  },
  lerobot: {
    files: await fixture("lerobot.parquet"),
    says: [
      "episode_000000 0-1.5 reach for the block",
      "episode_000000 1.5-3 lift the block",
      "episode_000001 0.5-3 push the drawer",
    ],
  },
}

describe("Gold formats", () => {
  test("all have a sample here", () => {
    expect(Object.keys({ ...samples, ...parquetSamples }).toSorted()).toEqual(
      goldFormats.map(({ name }) => name).toSorted(),
    )
  })

  for (const [name, { files, says, settings = {} }] of Object.entries({ ...samples, ...parquetSamples })) {
    test(`${name} is recognised by its content and read`, () => {
      expect(read(files, settings).report.format).toBe(name)
      expect(listed(files, settings)).toEqual([...says])
      expect(listed(files, { ...settings, format: name })).toEqual([...says])
    })

    test(`${name}: what is cut off or is something else is refused by name, and never a crash`, () => {
      for (const [path, text] of Object.entries(files)) {
        for (const broken of [
          "",
          "{",
          "\u0000\u0001",
          text.slice(0, Math.floor(text.length / 2)),
          `${text}}<`,
        ]) {
          const result = importGold(documents({ ...files, [path]: broken }), { ...settings, format: name })
          if (Either.isLeft(result)) expect(result.left.message.length).toBeGreaterThan(10)
        }
      }
    })
  }

  test("of frames without a rate are refused with what to give", () => {
    const error = refused(samples.mstcn?.files ?? {})
    expect(error?.reason).toBe("NeedsFrameRate")
    expect(error?.message).toContain("how many a second")
  })

  test("that nobody knows are refused, and an unknown name lists the known ones", () => {
    expect(refused({ "a.json": "{}" })?.reason).toBe("Unrecognised")
    expect(refused({ "a.json": "[1]" }, { format: "coins" })?.message).toContain("coin, activitynet")
    expect(refused({ "a.json": "{}" }, { format: "coin" })?.message).toContain("a.json")
    expect(refused({ "gold.csv": "video_id,start_sec,end_sec,label\nv,x,2,a\n" })?.message).toContain(
      "line 2: start_sec",
    )
    expect(
      refused({ "gold.jsonl": '{"video_id":"v","start_sec":0,"end_sec":1,"label":"a"}\n{]\n' })?.message,
    ).toContain("line 2")
  })

  test("of several raters give the borders of each, in the order in which they choose", () => {
    expect(read(samples.gebd?.files ?? {}).videos[0]?.raters).toEqual([[8, 2], [4.5]])
  })

  test("give the level that is asked for", () => {
    const files = samples["goal-step"]?.files ?? {}
    expect(listed(files, { level: 2 })).toEqual(["u1 2-9 fills the kettle"])
  })

  test("of predictions keep their scores", () => {
    const results = {
      version: "1",
      results: { q: [{ label: "Mix", segment: [0, 1], score: 0.25 }] },
      external_data: {},
    }
    const set = read({ "results.json": json(results) })
    expect(set.report.format).toBe("activitynet")
    expect(set.videos[0]?.segments[0]?.score).toBe(0.25)
  })
})

describe("Files that other tools wrote (peers/tools.py)", () => {
  const folder = join(import.meta.dir, "fixtures", "tools")

  test.each(readdirSync(folder))("%s says its steps", async (name) => {
    const documents = await Effect.runPromise(readGoldFiles(join(folder, name)))
    const { videos } = Either.getOrThrow(importGold(documents))
    expect(videos[0]?.segments).toMatchObject([
      { startSec: 0, endSec: 1.5, label: "Pick up the cup & saucer" },
      { startSec: 1.5, endSec: 4.25, label: "Pour 5 < 6 drops" },
      { startSec: 3.9, endSec: 5.001, label: "Stir – zügig" },
      { startSec: 3599.999, endSec: 3661.04, label: "洗碗" },
    ])
  })

  test("of Label Studio, by its SDK, count frames from 1 and have the last one", async () => {
    const documents = await Effect.runPromise(
      readGoldFiles(join(import.meta.dir, "fixtures", "label-studio.json")),
    )
    const { videos, report } = Either.getOrThrow(importGold(documents, { frameRate: 25 }))
    expect(report.format).toBe("label-studio")
    expect(videos).toMatchObject([
      {
        videoId: "tea",
        segments: [
          { startSec: 0, endSec: 2, label: "pick up" },
          { startSec: 2, endSec: 2.04, label: "pour" },
          { startSec: 2.36, endSec: 5, label: "pick up" },
        ],
      },
    ])
  })

  test("are as many as there are tools", () => {
    expect(readdirSync(folder).length).toBeGreaterThanOrEqual(7)
  })
})

describe("Parquet files", () => {
  const failure = (path: string) =>
    Effect.runPromise(Effect.map(Effect.flip(readGoldFiles(path)), ({ message }) => message))

  test("without steps, or that are none, are refused by name", async () => {
    const folder = runFolder()
    writeFileSync(join(folder, "a.parquet"), "PAR1 and no more")
    expect(await failure(folder)).toContain("cannot be read")
    mkdirSync(join(folder, "b"))
    writeFileSync(join(folder, "b", "empty.parquet"), "")
    expect(await failure(join(folder, "b"))).toContain("cannot be read")
  })
})

describe("An import", () => {
  const rows = (...lines: ReadonlyArray<string>): Files => ({
    "gold.csv": `video_id,start_sec,end_sec,label\n${lines.join("\n")}\n`,
  })

  test("reports overlaps, gaps and what it leaves out, with the reason", () => {
    const set = read(rows("v,0,2,a", "v,1.5,3,b", "v,4,5,c", "v,7,6,d", "v,8,8,e", "v,-1,1,f", "v,9,10,"))
    expect(set.report).toMatchObject({
      unit: "seconds",
      frameRate: null,
      videos: 1,
      segments: 3,
      overlaps: 1,
      gaps: 1,
    })
    expect(set.report.leftOut).toHaveLength(4)
    expect(set.report.leftOut[0]).toContain("not after its start")
  })

  test("takes frame times from the video itself where it runs at the gold's rate, else counts", () => {
    const { files = {} } = samples.mstcn ?? {}
    // Seven frames at about 2 a second, not quite even.
    const own = [0.01, 0.5, 1.02, 1.5, 2, 2.5, 3.01]
    const set = (frameSecondsOf: ImportSettings["frameSecondsOf"]) =>
      read(files, { frameRate: 2, ...(frameSecondsOf === undefined ? {} : { frameSecondsOf }) }).videos[0]
        ?.segments
    expect(set(() => own)).toMatchObject([
      { startSec: 0.5, endSec: 1.5 },
      { startSec: 1.5, endSec: 3.01 },
    ])
    expect(set(() => own.map((seconds) => seconds / 2))).toMatchObject([
      { startSec: 0.5 },
      { startSec: 1.5, endSec: 3 },
    ])
    const toTheEnd = { "mapping.txt": "0 pour\n", "groundTruth/P1.txt": "pour\npour\npour\n" }
    const ends = read(toTheEnd, { frameRate: 2, frameSecondsOf: () => [0.25, 0.75, 1.25] })
    expect(ends.videos[0]?.segments).toMatchObject([{ startSec: 0.25, endSec: 1.75 }])
  })
})
