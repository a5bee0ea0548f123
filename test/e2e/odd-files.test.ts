import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { createServer } from "node:net"
import { dirname, join } from "node:path"
import { Effect } from "effect"
import { errorsAmong, validateFolder } from "../../src/dataset/validate.ts"
import { makeStatusReader } from "../../src/output-root/status.ts"
import { stages } from "../../src/stages/list.ts"
import { startChatServer } from "../support/chat-server.ts"
import { finishedDataset } from "../support/finished.ts"
import { temporaryFolder } from "../support/folders.ts"
import { runIn } from "../support/in-root.ts"
import { withValue } from "../support/json.ts"
import { oneIn } from "../support/long.ts"
import { changedFiles, filesBelow, stampsBelow } from "../support/run-cli.ts"
import { quickSettings, runPipeline } from "../support/run-pipeline.ts"

const step = "02_place_the_red_cube_on_the_blue_block"

let dataset: Awaited<ReturnType<typeof finishedDataset>>
beforeAll(async () => {
  dataset = await finishedDataset()
})
afterAll(() => dataset[Symbol.asyncDispose]())

const findings = (out: string) => Effect.runPromise(validateFolder(out))
const warnings = async (out: string) => {
  const all = await findings(out)
  expect(errorsAmong(all)).toEqual([])
  return all.map(({ file }) => file)
}

/** Runs the video over a root; nothing may be asked for. */
const runIdly = async (root: string, changes: Parameters<typeof quickSettings>[1] = {}) => {
  await using server = startChatServer()
  const { error } = await runPipeline(dataset.video, quickSettings(root, changes), server)
  expect(server.calls).toHaveLength(0)
  return error
}

describe("files that no run has made", () => {
  const own: ReadonlyArray<string> = [
    "stage1/sampled_frames/notes.txt",
    "stage1/sampled_frames/sample_001_ts_0.00s.jpg.bak",
    "stage1/sampled_frames/sample_1_ts.jpg",
    "stage1/sampled_frames/sample_003_ts_9.99s.jpg",
    "stage1/sampled_frames/best/frame.jpg",
    "stage1/stage1_raw_response.my-review.txt",
    "stage1/stage1_raw_response.attempt1.txt.orig",
    "stage1/stage1_raw_response.attempt7.txt",
    "stage2/step_clips/highlights.mp4",
    "stage2/step_clips/step09_mine.mp4",
    "stage2/step_clips/cuts/step01.mp4",
    "stage2/localization_raw.mine.json",
    `${step}/frame_001_ts_mine.jpg`,
    `${step}/frame_005_ts_1.00s.jpg`,
    `${step}/sampled_frames/Thumbs.db`,
    `${step}/stage3_raw_response.notes.txt`,
    "09_notes/frame_manifest.json",
    "notes/.hidden",
    ".tmp-mine",
    "draft.tmp",
  ]
  const review = "review/log.jsonl"

  const runs: ReadonlyArray<readonly [string, Parameters<typeof quickSettings>[1], number]> = [
    ["a run that goes on", {}, 0],
    ["a run with another pool", { maxFrames: 10 }, 7],
    ["--overwrite", { overwrite: true }, 7],
    ["--overwrite of one stage", { overwrite: true, stages: ["refine"] }, 5],
  ]
  test.each(oneIn(2, runs))("stay through %s, and validate names them", async (_what, changes, calls) => {
    await using copy = await dataset.copy()
    for (const file of [...own, review]) {
      mkdirSync(dirname(join(copy.out, file)), { recursive: true })
      writeFileSync(join(copy.out, file), `own: ${file}`)
    }
    await using server = startChatServer()
    const { error } = await runPipeline(dataset.video, quickSettings(copy.root, changes), server)
    expect(error).toBeUndefined()
    expect(server.calls).toHaveLength(calls)
    for (const file of [...own, review])
      expect(readFileSync(join(copy.out, file), "utf8")).toBe(`own: ${file}`)
    const named = await warnings(copy.out)
    for (const file of own)
      expect(named.filter((name) => file === name || file.startsWith(`${name}/`))).toHaveLength(1)
    expect(named.some((name) => name.startsWith("review"))).toBe(false)
  })

  test("stay in the folder of a step whose goal has changed; what was made there goes", async () => {
    await using copy = await dataset.copy()
    const gone = "04_set_the_jug_down"
    const mine = [`${gone}/mine.txt`, `${gone}/sampled_frames/mine.jpg`, `${gone}/frame_001_ts_0.01s.jpg`]
    for (const file of mine) writeFileSync(join(copy.out, file), "own")
    const plan = join(copy.out, "stage1/draft_plan.json")
    writeFileSync(plan, readFileSync(plan, "utf8").replace('"Set the jug down"', '"Put the jug back"'))
    await using server = startChatServer()
    const { error } = await runPipeline(dataset.video, quickSettings(copy.root), server)
    expect(error).toBeUndefined()
    expect(filesBelow(copy.out).filter((file) => file.startsWith(gone))).toEqual(mine.toSorted())
    expect(await warnings(copy.out)).toEqual(
      [gone, ...mine.filter((file) => !file.endsWith("0.01s.jpg"))].toSorted(),
    )
  })
})

describe("a link in the place of a folder", () => {
  const folders: ReadonlyArray<readonly [string]> = [
    [""],
    ["stage1"],
    ["stage1/sampled_frames"],
    ["stage2"],
    ["stage2/step_clips"],
    [step],
    [`${step}/sampled_frames`],
  ]
  test.each(oneIn(2, folders))("%p is refused by name, and nothing behind it is touched", async (name) => {
    await using copy = await dataset.copy()
    await using elsewhere = await temporaryFolder()
    const path = join(copy.out, name)
    const target = join(elsewhere.path, "theirs")
    renameSync(path, target)
    writeFileSync(join(target, "their own.txt"), "theirs")
    writeFileSync(join(target, ".tmp-0123456789ab"), "theirs")
    symlinkSync(target, path)
    const before = stampsBelow(elsewhere.path)
    for (const changes of [{}, { overwrite: true }, { maxFrames: 10 }]) {
      const error = await runIdly(copy.root, changes)
      expect(error).toMatchObject({ _tag: "DatasetError", reason: "NotPlain" })
      expect(error?.message).toContain(path)
      expect(error?.message).toContain("is a link")
    }
    expect(changedFiles(before, stampsBelow(elsewhere.path))).toEqual([])
    if (name === "") return
    expect(errorsAmong(await findings(copy.out))).toContainEqual(
      expect.objectContaining({ file: name, message: expect.stringContaining("is a link") }),
    )
  })

  test("but an output root may be one", async () => {
    await using copy = await dataset.copy()
    await using elsewhere = await temporaryFolder()
    const linked = join(elsewhere.path, "linked")
    symlinkSync(copy.root, linked)
    expect(await runIdly(linked)).toBeUndefined()
    expect(await findings(join(linked, "video"))).toEqual([])
  })
})

const places = [
  "run_summary.json",
  "causal_plan_with_keyframes.json",
  "stage1/frame_manifest.json",
  "stage1/draft_plan.json",
  "stage1/stage1_raw_response.txt",
  "stage1/stage1_user_prompt.txt",
  "stage2/step_segments.json",
  `stage2/step_clips/step${step}.mp4`,
  `${step}/step_final.json`,
  `${step}/step_meta.json`,
] as const

/** Puts something odd at a path; false where this machine or user cannot. */
const oddities: Readonly<Record<string, (path: string) => boolean>> = {
  "a pipe": (path) => Bun.spawnSync(["mkfifo", path]).exitCode === 0,
  "a link to a device without an end": (path) => {
    symlinkSync("/dev/zero", path)
    return existsSync("/dev/zero")
  },
  "a link to what was there": (path) => {
    cpSync(`${path}.away`, join(dirname(dataset.video), "away"))
    symlinkSync(join(dirname(dataset.video), "away"), path)
    return true
  },
  "a device": (path) => Bun.spawnSync(["mknod", path, "c", "1", "5"]).exitCode === 0,
  "a link to itself": (path) => {
    symlinkSync(path, path)
    return true
  },
}

/** Every place once, the oddities in turn. */
const matrix = places.map((place, i) => {
  const names = Object.keys(oddities)
  return [names[i % names.length] ?? "", place] as const
})

test.each(oneIn(2, matrix))("%s in the place of %s is refused by name", async (what, place) => {
  const make = oddities[what]
  if (make === undefined) throw new Error(what)
  await using copy = await dataset.copy()
  const path = join(copy.out, place)
  renameSync(path, `${path}.away`)
  if (!make(path)) return
  rmSync(`${path}.away`)
  for (const changes of [{}, { overwrite: true }]) {
    const error = await runIdly(copy.root, changes)
    expect(error).toMatchObject({ _tag: "DatasetError", reason: "NotPlain", path })
  }
  const found = errorsAmong(await findings(copy.out)).filter(({ file }) => file === place)
  expect(found.length).toBeGreaterThan(0)
})

test("a socket and a file without an end are refused by name as well", async () => {
  await using copy = await dataset.copy()
  const path = join(copy.out, "stage1/draft_plan.json")
  rmSync(path)
  const socket = createServer()
  // The path of a socket must be short.
  const short = join("/tmp", `t-${process.pid}.sock`)
  await new Promise<void>((resolve) => socket.listen(short, resolve))
  renameSync(short, path)
  expect(await runIdly(copy.root)).toMatchObject({ reason: "NotPlain", path })
  socket.close()
  rmSync(path, { force: true })
  for (const place of ["stage1/draft_plan.json", "run_summary.json"]) {
    const large = join(copy.out, place)
    writeFileSync(large, "{}")
    truncateSync(large, 10 * 2 ** 30)
    const error = await runIdly(copy.root)
    expect(error).toMatchObject({ reason: "NotPlain", path: large })
    expect(error?.message).toContain("is larger than the 64 MiB")
    expect(errorsAmong(await findings(copy.out)).map(({ file }) => file)).toContain(place)
  }
})

describe("paths in tampered records", () => {
  /** What `validate` says of a file that no run wrote and that one has replaced. */
  const keptBeside = (file: string) => ({
    file,
    message: "is not part of the dataset; no run changes or removes it",
    severity: "warning" as const,
  })

  const set = (out: string, file: string, path: string, value: unknown) => {
    const name = join(out, file)
    writeFileSync(name, JSON.stringify(withValue(JSON.parse(readFileSync(name, "utf8")), path, value)))
  }

  test.each([["../../../secret.jpg"], ["/etc/passwd"], ["sampled_frames/../../../../secret.jpg"]])(
    "a picture at %s is neither read nor sent, and the pool is made again",
    async (relpath) => {
      await using copy = await dataset.copy()
      set(copy.out, "stage1/frame_manifest.json", "frames.2.image_relpath", relpath)
      // A stand-in's time and name follow from no plan.
      set(copy.out, "stage1/frame_manifest.json", "frames.2.substituted_for_pts", 0)
      const found = errorsAmong(await findings(copy.out))
      expect(found.map(({ message }) => message).join()).toContain("image_relpath must be")
      expect(found.some(({ file }) => file.includes("secret") || file.includes("passwd"))).toBe(false)
      expect(await runIdly(copy.root)).toBeUndefined()
      expect(await findings(copy.out)).toEqual([keptBeside("stage1/frame_manifest.previous-1.json")])
    },
  )

  test.each([["../../../secret.mp4"], ["/etc/passwd"]])("a clip at %s is not read", async (relpath) => {
    await using copy = await dataset.copy()
    set(copy.out, "stage2/step_segments.json", "segments.1.clip_relpath", relpath)
    const found = errorsAmong(await findings(copy.out))
    expect(found.map(({ message }) => message).join()).toContain("clip_relpath must be")
    expect(found.some(({ file }) => file.includes("secret") || file.includes("passwd"))).toBe(false)
    expect(await runIdly(copy.root)).toBeUndefined()
    expect(await findings(copy.out)).toEqual([keptBeside("stage2/step_segments.previous-1.json")])
  })
})

test("validate goes on after files that cannot be read, and reports them all", async () => {
  await using copy = await dataset.copy()
  for (const [file, other] of [
    ["stage1/draft_plan.json", "stage1/stage1_user_prompt.txt"],
    [`${step}/step_final.json`, `${step}/step_meta.json`],
  ] as const) {
    for (const path of [file, other]) {
      rmSync(join(copy.out, path))
      symlinkSync("/dev/zero", join(copy.out, path))
    }
    const named = errorsAmong(await findings(copy.out)).map((found) => found.file)
    expect(named).toContain(file)
    expect(named).toContain(other)
  }
})

test("status names a folder that it cannot read, and goes on with the rest", async () => {
  await using copy = await dataset.copy()
  for (const id of ["endless", "linked", "piped"]) cpSync(copy.out, join(copy.root, id), { recursive: true })
  const replace = (id: string, target: string) => {
    rmSync(join(copy.root, id, "run_summary.json"))
    symlinkSync(target, join(copy.root, id, "run_summary.json"))
  }
  replace("endless", "/dev/zero")
  replace("linked", join(copy.out, "run_summary.json"))
  rmSync(join(copy.root, "piped/run_summary.json"))
  Bun.spawnSync(["mkfifo", join(copy.root, "piped/run_summary.json")])
  const status = await runIn(copy.root, makeStatusReader(stages))
  expect(status.done).toEqual(["video"])
  expect(status.failed.map(({ video_id, reason }) => [video_id, reason])).toEqual(
    ["endless", "linked", "piped"].map((id) => [id, "NotPlain"]),
  )
})
