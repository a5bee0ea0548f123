import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import {
  appendFileSync,
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
import { join } from "node:path"
import { Effect } from "effect"
import { errorsAmong, validateFolder } from "../../src/dataset/validate.ts"
import { type ChatServer, completion, startChatServer } from "../support/chat-server.ts"
import { copyOfRoot } from "../support/finished.ts"
import { temporaryFolder } from "../support/folders.ts"
import { isLong } from "../support/long.ts"
import { makeVideo } from "../support/media.ts"
import { changedFiles, filesBelow, stampsBelow } from "../support/run-cli.ts"
import { quickSettings, runPipeline } from "../support/run-pipeline.ts"

const step = "02_place_the_red_cube_on_the_blue_block"
const clip = `stage2/step_clips/step${step}.mp4`

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let video: string
let other: string
/** A finished output root; every test works on a copy. */
let finished: string

beforeAll(async () => {
  folder = await temporaryFolder()
  video = await makeVideo({ dir: folder.path, name: "video.mp4", frames: 60 })
  other = await makeVideo({ name: "video.mp4", frames: 60, firstNumber: 300 })
  finished = join(folder.path, "finished")
  await using server = startChatServer()
  const { error } = await runPipeline(video, quickSettings(finished), server)
  if (error !== undefined) throw error
})
afterAll(() => folder[Symbol.asyncDispose]())

const copyOfFinished = () => copyOfRoot(finished)

const findings = (out: string) => Effect.runPromise(validateFolder(out))
const askedFor = (server: ChatServer) =>
  server.calls
    .map(({ stage, stepId }) => (stepId === undefined ? `${stage}` : `${stage}.${stepId}`))
    .toSorted()
const firstFile = (out: string, pattern: RegExp): string =>
  filesBelow(out).find((file) => pattern.test(file)) ?? ""

test("a second run makes no call and rewrites no file", async () => {
  await using copy = await copyOfFinished()
  await using server = startChatServer()
  const before = stampsBelow(copy.root)
  expect((await runPipeline(video, quickSettings(copy.root), server)).error).toBeUndefined()
  expect(server.calls).toHaveLength(0)
  expect(changedFiles(before, stampsBelow(copy.root))).toEqual([])
})

interface Artefact {
  readonly name: string
  /** The file, relative to the video's folder. */
  readonly file: (out: string) => string
  /** Calls that have to be made again. */
  readonly calls: ReadonlyArray<string>
  /** Files that may be written besides it. */
  readonly alsoWritten: ReadonlyArray<RegExp>
}

const summary = /^run_summary\.json$/u
/** A text tells nobody that it is damaged: what differs is kept. */
const previousText = /\.previous-1\.txt$/u
const callRecord = /_raw_response\.call\.json$/u
const artefacts: ReadonlyArray<Artefact> = [
  { name: "the full-video manifest", file: () => "stage1/frame_manifest.json", calls: [], alsoWritten: [] },
  {
    name: "a full-video picture",
    file: (out) => firstFile(out, /^stage1\/sampled_frames\/sample_003/u),
    calls: [],
    alsoWritten: [],
  },
  {
    name: "a system prompt",
    file: () => "stage1/stage1_system_prompt.txt",
    calls: [],
    alsoWritten: [previousText],
  },
  {
    name: "a user prompt",
    file: () => "stage2/stage2_user_prompt.txt",
    calls: [],
    alsoWritten: [previousText],
  },
  {
    name: "the draft",
    file: () => "stage1/draft_plan.json",
    calls: ["1"],
    alsoWritten: [/^stage1\/stage1_raw/u, /^causal_plan/u, summary],
  },
  {
    name: "Stage 1's reply",
    file: () => "stage1/stage1_raw_response.txt",
    calls: ["1"],
    alsoWritten: [summary, callRecord],
  },
  {
    name: "the localization",
    file: () => "stage2/localization_raw.json",
    calls: ["2"],
    alsoWritten: [/^stage2\/stage2_raw/u, /^causal_plan/u, summary],
  },
  {
    name: "Stage 2's reply",
    file: () => "stage2/stage2_raw_response.txt",
    calls: ["2"],
    alsoWritten: [summary, callRecord],
  },
  {
    name: "the segments",
    file: () => "stage2/step_segments.json",
    calls: [],
    alsoWritten: [/^stage2\/step_clips\//u, summary],
  },
  { name: "a clip", file: () => clip, calls: [], alsoWritten: [] },
  { name: "a step manifest", file: () => `${step}/frame_manifest.json`, calls: [], alsoWritten: [] },
  {
    name: "a step picture",
    file: (out) => firstFile(out, new RegExp(`^${step}/sampled_frames/sample_005`, "u")),
    calls: [],
    alsoWritten: [],
  },
  {
    name: "a keyframe",
    file: (out) => firstFile(out, new RegExp(`^${step}/frame_002`, "u")),
    calls: [],
    alsoWritten: [],
  },
  {
    name: "a refined step",
    file: () => `${step}/step_final.json`,
    calls: ["3.2"],
    alsoWritten: [/stage3_raw/u, /^causal_plan/u, summary],
  },
  {
    name: "Stage 3's reply",
    file: () => `${step}/stage3_raw_response.txt`,
    calls: ["3.2"],
    alsoWritten: [summary, callRecord],
  },
  {
    name: "Stage 3's prompt",
    file: () => `${step}/stage3_user_prompt.txt`,
    calls: [],
    alsoWritten: [previousText],
  },
  { name: "a step's metadata", file: () => `${step}/step_meta.json`, calls: [], alsoWritten: [summary] },
  { name: "the final plan", file: () => "causal_plan_with_keyframes.json", calls: [], alsoWritten: [] },
]

const harms: ReadonlyArray<readonly [name: string, harm: (path: string) => void]> = [
  ["deleted", (path) => rmSync(path)],
  ["cut off", (path) => truncateSync(path, Math.floor(readFileSync(path).length / 2))],
  ["emptied", (path) => truncateSync(path, 0)],
  ["overwritten", (path) => writeFileSync(path, "not what it was")],
]

/** Outside of the long tests each file is harmed in one way, and each way is tried on several. */
const harmsOf = (index: number) => harms.filter((_, way) => isLong || way === index % harms.length)

describe.each(artefacts.map((artefact, index) => [artefact.name, artefact, index] as const))(
  "%s",
  (_name, { file, calls, alsoWritten }, index) => {
    test.each(harmsOf(index))("%s: exactly what depends on it is made again", async (_harm, harm) => {
      await using copy = await copyOfFinished()
      await using server = startChatServer()
      const path = file(copy.out)
      const before = stampsBelow(copy.out)
      harm(join(copy.out, path))
      expect(await findings(copy.out)).not.toEqual([])
      expect((await runPipeline(video, quickSettings(copy.root), server)).error).toBeUndefined()
      expect(askedFor(server)).toEqual([...calls])
      const changed = changedFiles(before, stampsBelow(copy.out))
      expect(changed).toContain(path)
      expect(
        changed.filter((name) => name !== path && !alsoWritten.some((pattern) => pattern.test(name))),
      ).toEqual([])
      expect(errorsAmong(await findings(copy.out))).toEqual([])
    })
  },
)

describe("changed inputs", () => {
  test("another pool size runs everything again", async () => {
    await using copy = await copyOfFinished()
    await using server = startChatServer()
    expect(
      (await runPipeline(video, quickSettings(copy.root, { maxFrames: 10 }), server)).error,
    ).toBeUndefined()
    expect(askedFor(server)).toEqual(["1", "2", "3.1", "3.2", "3.3", "3.4", "3.5"])
    expect(await findings(copy.out)).toEqual([])
  })

  test("a draft edited by hand is kept, and only what follows from the edit is asked again", async () => {
    await using copy = await copyOfFinished()
    await using server = startChatServer()
    const path = join(copy.out, "stage1/draft_plan.json")
    writeFileSync(path, readFileSync(path, "utf8").replace('"Set the jug down"', '"Put the jug back"'))
    expect((await runPipeline(video, quickSettings(copy.root), server)).error).toBeUndefined()
    expect(askedFor(server)).toEqual(["2", "3.4"])
    expect(existsSync(join(copy.out, "04_set_the_jug_down"))).toBe(false)
    expect(existsSync(join(copy.out, "04_put_the_jug_back/step_final.json"))).toBe(true)
    expect(await findings(copy.out)).toEqual([])
  })

  test("folders and clips named by an earlier rule are renamed; nothing is asked or cut again", async () => {
    await using root = await temporaryFolder()
    await using server = startChatServer({
      behave: ({ stage }, good) =>
        stage === 1 ? good.replace("Set the jug down", "• Set the jug down -") : good,
    })
    const settings = quickSettings(root.path)
    expect((await runPipeline(video, settings, server)).error).toBeUndefined()
    const asked = server.calls.length
    const out = join(root.path, "video")
    const [current, former] = ["04_set_the_jug_down_", "04__set_the_jug_down"]
    renameSync(join(out, current), join(out, former))
    const clips = join(out, "stage2/step_clips")
    renameSync(join(clips, `step${current}.mp4`), join(clips, `step${former}.mp4`))
    for (const file of ["run_summary.json", "stage2/step_segments.json", `${former}/step_meta.json`]) {
      const text = readFileSync(join(out, file), "utf8")
      writeFileSync(join(out, file), text.replaceAll(current, former))
    }
    // That version did not record what it wrote.
    const summary = JSON.parse(readFileSync(join(out, "run_summary.json"), "utf8"))
    writeFileSync(join(out, "run_summary.json"), JSON.stringify({ ...summary, files: undefined }))
    const made = stampsBelow(join(out, former))
    expect((await runPipeline(video, settings, server)).error).toBeUndefined()
    expect(server.calls).toHaveLength(asked)
    expect(existsSync(join(out, former))).toBe(false)
    expect(changedFiles(made, stampsBelow(join(out, current)))).toEqual(["step_meta.json"])
    expect(await findings(out)).toEqual([])
  })

  test("other quality, cut settings or index display keep what is done, and say so for clips", async () => {
    await using copy = await copyOfFinished()
    await using server = startChatServer()
    const before = stampsBelow(copy.out)
    const changes = {
      jpegQuality: 50,
      imageLabels: "text" as const,
      cut: { ...quickSettings("").cut, crf: 30 },
    }
    const { events } = await runPipeline(video, quickSettings(copy.root, changes), server)
    expect(server.calls).toHaveLength(0)
    expect(changedFiles(before, stampsBelow(copy.out))).toEqual([])
    const notices = events.flatMap((event) => (event.type === "Notice" ? [event.message] : [])).join()
    expect(notices).toContain("--overwrite cuts them anew")
    expect(notices).toContain("pictures stay at JPEG quality 95")
  })

  test("a moved source is recognised by its content", async () => {
    await using copy = await copyOfFinished()
    await using server = startChatServer()
    await using elsewhere = await temporaryFolder()
    const moved = join(elsewhere.path, "video.mp4")
    cpSync(video, moved)
    expect((await runPipeline(moved, quickSettings(copy.root), server)).error).toBeUndefined()
    expect(server.calls).toHaveLength(0)
    expect(readFileSync(join(copy.out, "run_summary.json"), "utf8")).toContain(moved)
    expect(await findings(copy.out)).toEqual([])
  })

  test("--overwrite runs everything again", async () => {
    await using copy = await copyOfFinished()
    await using server = startChatServer()
    const { error } = await runPipeline(video, quickSettings(copy.root, { overwrite: true }), server)
    expect(error).toBeUndefined()
    expect(server.calls).toHaveLength(7)
    expect(await findings(copy.out)).toEqual([])
  })
})

describe("a folder is refused, and nothing in it is touched,", () => {
  const refusal = async (
    prepare: (out: string) => void,
    input: string,
    changes: Parameters<typeof quickSettings>[1] = {},
    rehearsal = false,
  ) => {
    await using copy = await copyOfFinished()
    await using server = startChatServer()
    prepare(copy.out)
    const before = stampsBelow(copy.root)
    const { error } = await runPipeline(
      input,
      quickSettings(copy.root, changes),
      rehearsal ? "rehearsal" : server,
    )
    expect(server.calls).toHaveLength(0)
    expect(changedFiles(before, stampsBelow(copy.root))).toEqual([])
    return error
  }
  const nothing = () => undefined

  test("if it belongs to another video of the same name", async () => {
    const error = await refusal(nothing, other)
    expect(error).toMatchObject({ _tag: "DatasetError", reason: "ForeignFolder" })
    expect(error?.message).toContain(`belongs to another video (${video})`)
  })

  test("even with --overwrite", async () => {
    expect(await refusal(nothing, other, { overwrite: true })).toMatchObject({ reason: "ForeignFolder" })
  })

  test.each([
    ["is missing", (out: string) => rmSync(join(out, "run_summary.json"))],
    ["cannot be read", (out: string) => appendFileSync(join(out, "run_summary.json"), "}")],
  ])("if its run_summary.json %s", async (_what, prepare) => {
    const error = await refusal(prepare, video)
    expect(error).toMatchObject({ reason: "ForeignFolder" })
    expect(error?.message).toContain("no readable run_summary.json")
  })

  test("if it was made with another schema, naming both fingerprints and the way out", async () => {
    const made = JSON.parse(readFileSync(join(finished, "video/run_summary.json"), "utf8")).schema_fingerprint
    const error = await refusal(nothing, video, { annotationSchema: "numbered" })
    expect(error).toMatchObject({ reason: "FingerprintMismatch" })
    expect(error?.message).toContain(made)
    expect(error?.message.match(/[0-9a-f]{64}/gu)).toHaveLength(2)
    expect(error?.message).toContain("--overwrite")
  })

  test("if it was made with another prompt, naming its file", async () => {
    const change = (out: string) => {
      const file = join(out, "run_summary.json")
      const summary = JSON.parse(readFileSync(file, "utf8"))
      summary.schema_fingerprint = "0".repeat(64)
      summary.schema_parts.prompts.stage2 = "1".repeat(64)
      writeFileSync(file, JSON.stringify(summary))
    }
    const error = await refusal(change, video)
    expect(error).toMatchObject({ reason: "FingerprintMismatch" })
    expect(error?.message).toContain("what differs is the prompts (prompts/structured/stage2.md); choose")
  })

  test("also by --overwrite of some stages only", async () => {
    const changes = { annotationSchema: "numbered", overwrite: true, stages: ["localize", "cut"] } as const
    expect(await refusal(nothing, video, changes)).toMatchObject({ reason: "FingerprintMismatch" })
  })

  test("if a rehearsal would replace a real model's answers", async () => {
    expect(await refusal(nothing, video, {}, true)).toMatchObject({ reason: "RehearsalOverReal" })
  })
})

test("a real run does not keep the answers of a rehearsal", async () => {
  await using root = await temporaryFolder()
  await using server = startChatServer()
  expect((await runPipeline(video, quickSettings(root.path), "rehearsal")).error).toBeUndefined()
  expect((await runPipeline(video, quickSettings(root.path), server)).error).toBeUndefined()
  expect(server.calls).toHaveLength(7)
  expect(await findings(join(root.path, "video"))).toEqual([])
  expect(filesBelow(join(root.path, "video")).filter((file) => file.includes("rehearsal"))).toEqual([])
})

test("leftovers of a crash are removed, whatever else is there stays", async () => {
  await using root = await temporaryFolder()
  await using server = startChatServer()
  const out = join(root.path, "video")
  await using other = await temporaryFolder()
  await Bun.write(join(other.path, ".tmp-ba9876543210"), "not in this folder")
  await Bun.write(join(out, ".tmp-0123456789ab"), "half a file")
  expect((await runPipeline(video, quickSettings(root.path), server)).error).toBeUndefined()
  expect(server.calls).toHaveLength(7)
  await Bun.write(join(out, "stage1/sampled_frames/.tmp-0123456789ab"), "half a picture")
  // Runs make no folders of such names, and nothing in a folder of somebody else.
  await Bun.write(join(out, "stage2/.tmp-0123456789ab/inside"), "somebody's folder")
  await Bun.write(join(out, "notes/.tmp-0123456789ab"), "somebody's file")
  await Bun.write(join(out, ".tmp-notes"), "somebody's own")
  symlinkSync(other.path, join(out, "link"))
  expect((await runPipeline(video, quickSettings(root.path), server)).error).toBeUndefined()
  expect(server.calls).toHaveLength(7)
  rmSync(join(out, "link"))
  expect(filesBelow(other.path)).toEqual([".tmp-ba9876543210"])
  expect(filesBelow(root.path).filter((file) => file.includes(".tmp-"))).toEqual([
    "video/.tmp-notes",
    "video/notes/.tmp-0123456789ab",
    "video/stage2/.tmp-0123456789ab/inside",
  ])
})

describe("a reply that is on disk is not paid for again", () => {
  /** Rejects the first answer to the draft; what follows is up to `then`. */
  const badFirst = (then: (good: string) => string | Response) =>
    startChatServer({
      behave: ({ stage, turns }, good) =>
        stage > 1 ? good : turns.length > 0 ? then(good) : good.replace("The cube", "In frame 3 the cube"),
    })

  test.each([
    ["the service fails", () => new Response("down", { status: 503 })],
    ["the key is no longer taken", () => new Response("no", { status: 401 })],
    ["the model declines", () => completion("", "content_filter")],
  ])("if %s while it is asked for again", async (_what, then) => {
    await using root = await temporaryFolder()
    const settings = quickSettings(root.path, { stages: ["draft"] })
    await using failing = badFirst(then)
    expect((await runPipeline(video, settings, failing)).error).toBeDefined()
    expect(failing.calls).toHaveLength(2)
    await using server = startChatServer()
    expect((await runPipeline(video, settings, server)).error).toBeUndefined()
    expect(server.calls.map(({ turns }) => turns.length)).toEqual([2])
  })

  test("if the disk is not writable while it is used again", async () => {
    await using root = await temporaryFolder()
    const settings = quickSettings(root.path, { stages: ["draft"] })
    await using failing = badFirst(() => new Response("down", { status: 503 }))
    await runPipeline(video, settings, failing)
    // Not even root can write a file where a folder is.
    const stage1 = join(root.path, "video/stage1")
    const inTheWay = join(stage1, "stage1_raw_response.attempt1.errors.json")
    rmSync(inTheWay)
    mkdirSync(join(inTheWay, "folder"), { recursive: true })
    await using server = startChatServer()
    const { error } = await runPipeline(video, settings, server)
    expect(error).toMatchObject({ _tag: "DatasetError", reason: "Unwritable", path: inTheWay })
    rmSync(inTheWay, { recursive: true })
    expect((await runPipeline(video, settings, server)).error).toBeUndefined()
    expect(server.calls.map(({ turns }) => turns.length)).toEqual([2])
  })

  test("unless every answer was judged, or everything is made again", async () => {
    await using root = await temporaryFolder()
    const settings = quickSettings(root.path, {
      stages: ["draft"],
      retries: { draft: 1, localize: 0, refine: 0 },
    })
    await using failing = badFirst((good) => good.replace("The cube", "In frame 3 the cube"))
    expect((await runPipeline(video, settings, failing)).error).toMatchObject({ reason: "AnswerRejected" })
    await using server = startChatServer()
    expect((await runPipeline(video, settings, server)).error).toBeUndefined()
    await using down = badFirst(() => new Response("down", { status: 503 }))
    expect((await runPipeline(video, { ...settings, overwrite: true }, down)).error).toBeDefined()
    expect(down.calls.map(({ turns }) => turns.length)).toEqual([0, 2])
    // What was to be made again stands, and is kept where nothing is to be made again.
    expect((await runPipeline(video, settings, server)).error).toBeUndefined()
    expect(server.calls.map(({ turns }) => turns.length)).toEqual([0])
  })
})

test("an output root that is moved as a whole still resumes", async () => {
  await using copy = await copyOfFinished()
  await using server = startChatServer()
  const moved = `${copy.root}-moved`
  renameSync(copy.root, moved)
  expect((await runPipeline(video, quickSettings(moved), server)).error).toBeUndefined()
  expect(server.calls).toHaveLength(0)
  expect(await findings(join(moved, "video"))).toEqual([])
  rmSync(moved, { recursive: true })
})
