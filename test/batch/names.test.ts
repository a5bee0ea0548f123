import { describe, expect, test } from "bun:test"
import { chmodSync, closeSync, mkdirSync, openSync, readdirSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { Effect, Either } from "effect"
import * as v from "valibot"
import { discoverVideos, type FolderSelection, listedVideos } from "../../src/batch/discover.ts"
import { reportSchema } from "../../src/batch/report.ts"
import { statusSchema } from "../../src/cli/status-text.ts"
import { escapedName } from "../../src/files/names.ts"
import { idProblem, videoId } from "../../src/output-root/video-id.ts"
import { folderWith, temporaryFolder } from "../support/folders.ts"
import { runCli } from "../support/run-cli.ts"
import { quickSettings, runPipeline } from "../support/run-pipeline.ts"

/** A file with a name of these bytes; false where the file system wants UTF-8. */
const fileNamed = (folder: string, name: Buffer): boolean => {
  try {
    closeSync(openSync(Buffer.concat([Buffer.from(`${folder}/`), name]), "w"))
    return true
  } catch {
    return false
  }
}

const latin = (text: string): Buffer => Buffer.from(text, "latin1")

const discover = async (root: string, selection: FolderSelection = {}) => {
  const result = await Effect.runPromise(Effect.either(discoverVideos(root, selection)))
  if (Either.isLeft(result)) return result.left.message
  const { files, refused } = result.right
  return {
    files: files.map((file) => relative(root, file)),
    refused: refused.map(({ path, reason }) => `${reason} ${relative(root, path)}`),
  }
}

describe("names that no folder of an output root can have", () => {
  test.each([
    ["...mp4"],
    ["..mp4"],
    ["run_report.md.mp4"],
    ["RUN_REPORT.JSON.mkv"],
    ["run_report.shard-2-of-8.md.mp4"],
    ["events.jsonl.mp4"],
    ["Events.JSONL.mov"],
    ["run_summary.json.webm"],
    ["ｅvents.jsonl.mp4"],
  ])("%s is refused with the reason, by whoever runs it, and nothing is written", async (name) => {
    const id = videoId(`/videos/${name}`)
    expect(idProblem(id)).toBeDefined()
    const root = folderWith(name, "fine.mp4")
    const found = await discover(root)
    // A name that begins with a dot is hidden and not taken from a folder at all.
    if (name.startsWith(".")) expect(found).toEqual({ files: ["fine.mp4"], refused: [] })
    else expect(found).toEqual({ files: ["fine.mp4"], refused: [`BadName ${name}`] })
    await using place = await temporaryFolder()
    const out = join(place.path, "out")
    const { error } = await runPipeline(join(root, name), quickSettings(out), "rehearsal")
    expect(error).toMatchObject({ _tag: "DatasetError", reason: "BadName" })
    expect(error?.message).toContain(`would have the folder "${id}"`)
    expect(readdirSync(place.path)).toEqual([])
  })

  test.each([
    ["cam.mp4"],
    ["cam .mp4"],
    ["cam..mp4"],
    ["a\nb.mp4"],
    ["-x.mp4"],
    ["run_report.mp4"],
    ["events.mp4"],
  ])("%p is an ordinary name", (name) => expect(idProblem(videoId(`/videos/${name}`))).toBeUndefined())

  test("a name that is not UTF-8 is shown byte by byte", () => {
    expect(escapedName(latin("caf\xe9.mp4"))).toBe("caf\\xe9.mp4")
    expect(escapedName(Buffer.from([0xf0, 0x9f, 0x98, 0x41, 0xc3, 0xbc, 0xed, 0xa0, 0x80, 0xff]))).toBe(
      "\\xf0\\x9f\\x98Aü\\xed\\xa0\\x80\\xff",
    )
  })
})

describe("a folder of videos", () => {
  test("names what is no UTF-8, folders too, and takes the rest", async () => {
    const root = folderWith("fine.mp4", "sub/also.mp4", "real \ufffd.mp4")
    if (!fileNamed(root, latin("caf\xe9.mp4"))) return
    fileNamed(root, latin("notes\xe9.txt"))
    fileNamed(join(root, "sub"), latin("\xff.mkv"))
    expect(await discover(root, { recursive: true })).toEqual({
      files: ["fine.mp4", "real \ufffd.mp4", "sub/also.mp4"],
      refused: ["BadName caf\\xe9.mp4", "BadName sub/\\xff.mkv"],
    })
  })

  test("says of a folder and of a file with such a name which of them is to be renamed", async () => {
    const root = folderWith("fine.mp4")
    if (!fileNamed(root, latin("caf\xe9.mp4"))) return
    // It is told although it is not called like a video: nobody knows what is in it.
    mkdirSync(Buffer.concat([Buffer.from(`${root}/`), latin("day\xe9")]))
    const told = async (selection: FolderSelection) =>
      (await Effect.runPromise(discoverVideos(root, selection))).refused.map(({ message }) => message)
    const file = `${root}/caf\\xe9.mp4 has a name that is not UTF-8; rename the file`
    expect(await told({})).toEqual([file])
    expect(await told({ recursive: true })).toEqual([
      file,
      `${root}/day\\xe9/ has a name that is not UTF-8; rename the folder`,
    ])
  })

  test("takes what leads nowhere or is no file as well, so that it fails by its name", async () => {
    const root = folderWith("fine.mp4")
    symlinkSync("/nowhere/gone.mp4", join(root, "gone.mp4"))
    Bun.spawnSync(["mkfifo", join(root, "pipe.mp4")])
    expect(await discover(root)).toEqual({ files: ["fine.mp4", "gone.mp4", "pipe.mp4"], refused: [] })
    await using place = await temporaryFolder()
    for (const [name, says] of [
      ["gone.mp4", "does not exist"],
      ["pipe.mp4", "is a pipe or a device"],
    ] as const) {
      const { error } = await runPipeline(join(root, name), quickSettings(place.path), "rehearsal")
      expect(error).toMatchObject({ reason: "NotReadable", message: expect.stringContaining(says) })
    }
  })
})

describe("ids by path", () => {
  test.each([
    ["/videos/a/cam.mp4", "a__cam"],
    ["/videos/a/b/cam.front.mkv", "a__b__cam.front"],
    ["/videos/cam.mp4", "cam"],
    ["/elsewhere/cam.mp4", "elsewhere__cam"],
  ])("%s is %s", (file, id) => expect(videoId(file, "/videos")).toBe(id))

  test("a long path is cut to bytes, and ends in a digest that tells it from others", () => {
    const [one, two] = ["1", "2"].map((end) => videoId(`/videos/${"字/".repeat(100)}${end}.mp4`, "/videos"))
    expect(one).not.toBe(two)
    expect(Buffer.byteLength(one ?? "")).toBeLessThanOrEqual(200)
    expect(one).toMatch(/^字__字.*-[0-9a-f]{8}$/u)
  })

  test("two cameras of one name are refused with the way out, and taken with it", async () => {
    const root = folderWith("a/cam.mp4", "b/cam.mp4")
    const selection = { recursive: true }
    expect(await discover(root, selection)).toContain(
      "would share one output folder; name folders after paths with --id path",
    )
    expect(await discover(root, { ...selection, idBase: root })).toEqual({
      files: ["a/cam.mp4", "b/cam.mp4"],
      refused: [],
    })
    const colliding = folderWith("a/cam.mp4", "a__cam.mp4")
    expect(await discover(colliding, { ...selection, idBase: colliding })).toContain("rename all but one")
  })
})

test("a list without an end, or with lines that are no UTF-8, says so", async () => {
  const root = folderWith()
  const list = join(root, "list.txt")
  writeFileSync(
    list,
    Buffer.concat([Buffer.from(`${root}/a.mp4\n`), latin("caf\xe9.mp4\n"), Buffer.from("...mp4\n")]),
  )
  const { files, refused } = await Effect.runPromise(listedVideos(list))
  expect(files).toEqual([join(root, "a.mp4")])
  expect(refused.map(({ path }) => path.split("/").at(-1))).toEqual(["caf\\xe9.mp4", "...mp4"])
  const endless = await Effect.runPromise(Effect.flip(listedVideos("/dev/zero")))
  expect(endless.message).toContain("it is longer than 64 MiB")
})

describe("a run and its status", () => {
  const statusOf = async (root: string) => {
    const { code, stdout } = await runCli(["status", "--output-root", root, "--json"])
    return { code, status: v.parse(statusSchema, JSON.parse(stdout)) }
  }

  test("every input is accounted for, whatever its name is", async () => {
    const input = folderWith("a\nb.mp4", `${"x".repeat(251)}.mp4`, "run_report.md.mp4", "Cam.mp4", "dam.mp4")
    const isNamed = fileNamed(input, latin("caf\xe9.mp4"))
    await using place = await temporaryFolder()
    const args = ["pipeline", "--rehearsal", "--input-video-dir", input, "--output-root", place.path]
    const refused = await runCli(args)
    expect(refused.code).toBe(2)
    expect(refused.stderr).toContain('run_report.md.mp4 would have the folder "run_report.md"')
    expect(refused.stderr).toContain("With --continue-on-error the other videos are worked on")
    expect(readdirSync(place.path)).toEqual([])
    const run = await runCli([...args, "--continue-on-error"])
    expect(run.code).toBe(1)
    const { code, status } = await statusOf(place.path)
    expect(code).toBe(1)
    expect(status).toMatchObject({ videos: isNamed ? 6 : 5, failed: isNamed ? 6 : 5, not_started: 0 })
    const named = status.failures.flatMap(({ videos }) => videos)
    expect(named).toContain("a\nb")
    expect(named).toContain("x".repeat(251))
    expect(named).toContain(join(input, "run_report.md.mp4"))
    if (isNamed) expect(named).toContain(join(input, "caf\\xe9.mp4"))
    const report = v.parse(reportSchema, await Bun.file(join(place.path, "run_report.json")).json())
    const refusals = isNamed ? 2 : 1
    expect(report).toMatchObject({ videos: 4, done: 0, failed: 4, left: 0, refused: refusals })
    const bad = report.failures.find(({ reason }) => reason === "BadName")
    expect(bad?.count).toBe(refusals)
    expect(bad?.videos.map(({ source_video }) => source_video)).toContain(join(input, "run_report.md.mp4"))
    expect(await Bun.file(join(place.path, "run_report.md")).text()).toContain(
      "which is a file of the output root itself; rename the video",
    )
    expect(run.stdout).toContain(`0 done, 4 failed, ${refusals} refused`)
  })

  test("a subfolder that cannot be read is named, and the others are worked on with --continue-on-error", async () => {
    const input = folderWith("open/a.mp4", "closed/b.mp4", "z/c.mp4")
    await using place = await temporaryFolder()
    for (const path of [input, place.path]) chmodSync(path, 0o777)
    chmodSync(dirname(input), 0o711)
    chmodSync(join(input, "closed"), 0)
    const asNobody = (...more: ReadonlyArray<string>) =>
      Bun.spawnSync([
        process.execPath,
        join(import.meta.dir, "../support/as-nobody.ts"),
        ...["pipeline", "--rehearsal", "--input-video-dir", input, "--recursive"],
        ...["--output-root", join(place.path, "out"), ...more],
      ])
    const refused = asNobody()
    expect(refused.stderr.toString()).toContain(`${join(input, "closed")}/ cannot be read: permission denied`)
    expect(refused.exitCode).toBe(2)
    const run = asNobody("--continue-on-error")
    chmodSync(join(input, "closed"), 0o755)
    expect(run.exitCode).toBe(1)
    expect(run.stderr.toString()).toContain("closed/ cannot be read")
    const { status } = await statusOf(join(place.path, "out"))
    expect(status).toMatchObject({ videos: 3, failed: 3, not_started: 0 })
    expect(status.failures.find(({ reason }) => reason === "NotReadable")?.videos).toContain(
      `${join(input, "closed")}/`,
    )
    // Now that it may be read, what is in it is tried with what failed.
    await runCli([
      ...["pipeline", "--rehearsal", "--input-video-dir", input, "--recursive", "--only-failed"],
      ...["--output-root", join(place.path, "out"), "--continue-on-error"],
    ])
    const after = (await statusOf(join(place.path, "out"))).status
    expect(after.failures.flatMap(({ videos }) => videos).toSorted()).toEqual(["a", "b", "c"])
  })
})
