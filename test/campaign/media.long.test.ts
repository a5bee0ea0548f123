import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { runFolder } from "../support/folders.ts"
import { choicesFor } from "../support/random.ts"
import { campaignFiles, writtenFiles } from "./media/files/all.ts"
import { bases, drawn, h264 } from "./media/files/bases.ts"
import { mutatorsFor } from "./media/files/mutated.ts"
import { judge } from "./media/judge.ts"
import { type RunPlan, reasonIn, runProgram, videoFolder } from "./media/run.ts"
import { tryFile } from "./media/trial.ts"
import { decodeFully, type Truth } from "./media/truth.ts"

setDefaultTimeout(240_000)

const bounds = { seconds: 200, megabytes: 1000 }

/** Files of the campaign that are cheap and of all kinds, each for one of the decoders. */
const sample = [
  ["contract-vp9", "native"],
  ["odd-bt2020-hlg.mov", "native"],
  ["odd-cover-first.mp4", "native"],
  ["odd-name-percent.mp4", "native"],
  ["odd-odd-sides.webm", "wasm"],
  ["odd-text.mp4", "wasm"],
  ["odd-rotated-90-anamorphic.mp4", "ffmpeg"],
] as const

describe.skipIf(Bun.which("ffmpeg") === null || process.platform !== "linux")("the campaign", () => {
  test("is the same for the same seed, and a smaller one is a part of a larger one", () => {
    const ids = (seed: string, count: number) => campaignFiles(seed, count).map(({ id }) => id)
    expect(ids("1", 400)).toEqual(ids("1", 400))
    expect(ids("1", 400).slice(0, 40)).toEqual(ids("1", 40))
    expect(new Set(ids("1", 400)).size).toBe(400)
    expect(ids("1", 400)).toEqual(expect.arrayContaining(writtenFiles.map(({ id }) => id)))
    expect(ids("2", 400)).not.toEqual(ids("1", 400))
  })

  test("damages every container that it knows in every way that it knows", async () => {
    const folder = runFolder()
    for (const { key, make } of bases.filter(({ key }) =>
      /^(?:h264|h264-fragmented|h264-anamorphic|mpeg4|mjpeg|prores|ffv1)\./u.test(key),
    )) {
      const path = join(folder, key)
      await make(path)
      const whole = readFileSync(path)
      for (const { key: way, mutate } of mutatorsFor(key)) {
        const changed = [1, 2, 3, 4].some(
          (seed) => !mutate(Buffer.from(whole), choicesFor(`${way}-${seed}`)).equals(whole),
        )
        expect(`${way} of ${key}: ${changed}`).toBe(`${way} of ${key}: true`)
      }
    }
  })

  for (const [id, decoder] of sample)
    test(`${id} with ${decoder}: as in a decode of the whole file, or refused`, async () => {
      const file = writtenFiles.find((one) => one.id === id)
      if (file === undefined) throw new Error(`${id} is not in the campaign`)
      const settings = {
        decoders: [decoder],
        fallback: "without",
        bounds,
        work: runFolder(),
        keeps: false,
      } as const
      const [trial] = await tryFile(file, settings)
      expect(trial).toMatchObject({ offences: [], mismatches: [] })
      expect(trial?.end).toBe(id === "odd-text.mp4" ? "refused" : "finished")
    })
})

describe.skipIf(Bun.which("ffmpeg") === null || process.platform !== "linux")("its judge", () => {
  const folder = runFolder()
  const file = join(folder, "video.mp4")
  const plan: RunPlan = { file, decoder: "native", fallback: false, flags: ["--max-frames", "8"], folder }
  let root = ""
  let truths: ReadonlyArray<Truth> = []
  beforeAll(async () => {
    await drawn(h264)(file)
    expect((await runProgram(plan, bounds)).offences).toEqual([])
    root = videoFolder(folder) ?? ""
    truths = await decodeFully(file, folder)
  })

  /** What is found after a change to one file; the file is then as before. */
  const afterChanging = async (path: string, change: (bytes: Buffer) => Uint8Array | string) => {
    const before = readFileSync(path)
    writeFileSync(path, change(before))
    const found = await judge(root, truths, "")
    writeFileSync(path, before)
    return found.join("\n")
  }
  const listed = (dir: string) => readdirSync(join(root, dir)).toSorted()

  test("finds nothing in what is right", async () => {
    expect(await judge(root, truths, "")).toEqual([])
  })

  test("finds a picture of the frame beside, and says which it is", async () => {
    const pool = "stage1/sampled_frames"
    const [first = "", second = ""] = listed(pool)
    const other = readFileSync(join(root, pool, second))
    expect(await afterChanging(join(root, pool, first), () => other)).toMatch(
      /stage1 frame 1 at 0 s: \d+\.\d dB from frame 0; most like frame 5/u,
    )
  })

  test("finds a time that is no frame's, and a frame that is not counted", async () => {
    const manifest = join(root, "stage1/frame_manifest.json")
    const moved = await afterChanging(manifest, (bytes) =>
      bytes.toString().replace(/"timestamp_sec": 1\.458333/u, '"timestamp_sec": 1.46'),
    )
    expect(moved).toContain("frame 8 at 1.46 s: no frame of the decode has this time")
    const fewer = await afterChanging(join(root, "run_summary.json"), (bytes) =>
      bytes.toString().replace('"frames": 36', '"frames": 35'),
    )
    expect(fewer).toContain("35 frames are known; 36 decode")
  })

  test("finds a clip of other frames, and one that is damaged", async () => {
    const [one = "", two = ""] = listed("stage2/step_clips")
    const other = readFileSync(join(root, "stage2/step_clips", two))
    expect(await afterChanging(join(root, "stage2/step_clips", one), () => other)).toContain(
      "dB from frame 0",
    )
    const cut = await afterChanging(join(root, "stage2/step_clips", one), (bytes) =>
      bytes.subarray(0, bytes.length - 3000),
    )
    expect(cut).toMatch(/step01_\w+\.mp4: /u)
  })

  test("knows a reason from what is printed beside it", () => {
    const said = "video: started\nerror: video: /a.mp4 is empty\nnext: bun src/main.ts pipeline"
    expect(reasonIn(said)).toBe("error: video: /a.mp4 is empty")
    expect(reasonIn("video: started\nnext: bun src/main.ts pipeline\n")).toBeUndefined()
  })

  test("a run that takes too long, and one that leaves files behind, are found", async () => {
    const slow = { ...plan, folder: runFolder() }
    expect((await runProgram(slow, { ...bounds, seconds: 0.2 })).offences).toEqual(["not done within 0.2 s"])
    const messy = { ...plan, folder: runFolder() }
    mkdirSync(join(messy.folder, "scratch"))
    copyFileSync(file, join(messy.folder, "scratch/left.mp4"))
    expect((await runProgram(messy, bounds)).offences).toEqual(["left behind: left.mp4"])
  })
})
