import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as v from "valibot"
import { jsonLineSchema } from "../../src/cli/progress/json.ts"
import { startChatServer } from "../support/chat-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { filesBelow, runCli } from "../support/run-cli.ts"

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let video: string

beforeAll(async () => {
  folder = await temporaryFolder()
  const { path } = folder
  video = await makeVideo({ dir: path, name: "good.mp4", frames: 40 })
  await makeVideo({ dir: path, name: "sound.mp4", video: false, audio: true })
  await makeVideo({ dir: path, name: "short.mp4", frames: 3 })
  await makeVideo({ dir: path, name: "tiny.mkv", codec: "ffv1", width: 44, height: 9 })
  writeFileSync(join(path, "text.mp4"), "This is a text file.\n".repeat(100))
  writeFileSync(join(path, "empty.mp4"), "")
  mkdirSync(join(path, "no-videos"))
  mkdirSync(join(path, "twins"))
  writeFileSync(join(path, "twins", "a.mp4"), "x")
  writeFileSync(join(path, "twins", "a.mkv"), "x")
})
afterAll(() => folder[Symbol.asyncDispose]())

const noModel = /no model to ask.*API_KEY.*--api-base.*--rehearsal/su

interface Wrong {
  readonly name: string
  readonly args: (path: string) => ReadonlyArray<string>
  readonly env?: Readonly<Record<string, string>>
  readonly code: 1 | 2
  readonly says: string | RegExp
}

const rehearsed = (...args: ReadonlyArray<string>) => ["pipeline", "--rehearsal", ...args]
const withVideo =
  (...args: ReadonlyArray<string>) =>
  (path: string) =>
    rehearsed("--input-video", join(path, "good.mp4"), ...args)
const file = (name: string) => (path: string) => rehearsed("--input-video", join(path, name))

const wrongs: ReadonlyArray<Wrong> = [
  {
    name: "no input",
    args: () => rehearsed(),
    code: 2,
    says: "give --input-video FILE, --input-video-dir DIR or --input-list FILE",
  },
  {
    name: "both inputs",
    args: (path) => rehearsed("--input-video", "a", "--input-video-dir", path),
    code: 2,
    says: "give only one of --input-video, --input-video-dir and --input-list",
  },
  { name: "a file that does not exist", args: file("none.mp4"), code: 2, says: "none.mp4 does not exist" },
  {
    name: "a folder as a file",
    args: (path) => rehearsed("--input-video", path),
    code: 2,
    says: "is a folder; use --input-video-dir",
  },
  { name: "a text file named .mp4", args: file("text.mp4"), code: 1, says: "is not a video" },
  { name: "an empty file", args: file("empty.mp4"), code: 1, says: "is empty" },
  { name: "sound without pictures", args: file("sound.mp4"), code: 1, says: "no video stream" },
  {
    name: "three frames",
    args: file("short.mp4"),
    code: 1,
    says: "has 3 frames; 3 steps with two keyframes each need at least 6",
  },
  {
    name: "pictures without room for a label, before Stage 1",
    args: file("tiny.mkv"),
    code: 1,
    says: /frames of 44x9 pixels, too small for the label "Frame 50"; --image-labels text gives/u,
  },
  {
    name: "a directory that does not exist",
    args: (path) => rehearsed("--input-video-dir", join(path, "none")),
    code: 2,
    says: "does not exist",
  },
  {
    name: "a directory without videos",
    args: (path) => rehearsed("--input-video-dir", join(path, "no-videos")),
    code: 2,
    says: "no video in",
  },
  {
    name: "two videos of one stem",
    args: (path) => rehearsed("--input-video-dir", join(path, "twins")),
    code: 2,
    says: "a.mkv and a.mp4",
  },
  {
    name: "a word for a number",
    args: withVideo("--max-frames", "many"),
    code: 2,
    says: "--max-frames must be a whole number from 4 to 999",
  },
  {
    name: "a number out of range",
    args: withVideo("--jpeg-quality", "101"),
    code: 2,
    says: "--jpeg-quality must be a whole number from 1 to 100",
  },
  {
    name: "a fraction for a whole number",
    args: withVideo("--crf", "1.5"),
    code: 2,
    says: "--crf must be a whole number",
  },
  {
    name: "a bad temperature",
    args: withVideo("--temperature", "hot"),
    code: 2,
    says: "--temperature must be a number from 0 to 2",
  },
  {
    name: "an unknown stage",
    args: withVideo("--stages", "1,4"),
    code: 2,
    says: "--stages must list stages out of 1, 2 and 3",
  },
  { name: "an unknown schema", args: withVideo("--annotation-schema", "free"), code: 2, says: "structured" },
  { name: "an unknown flag", args: withVideo("--fast"), code: 2, says: "--fast" },
  { name: "an unknown command", args: () => ["stage4"], code: 2, says: 'there is no command "stage4"' },
  {
    name: "an ffmpeg that is not there",
    args: withVideo("--ffmpeg-bin", "/nowhere/ffmpeg", "--preflight-only"),
    code: 1,
    says: "/nowhere/ffmpeg",
  },
  { name: "no model", args: () => ["pipeline", "--input-video", video], code: 2, says: noModel },
  {
    name: "an empty key",
    args: () => ["pipeline", "--input-video", video],
    env: { API_KEY: " " },
    code: 2,
    says: noModel,
  },
  {
    name: "an address that is none",
    args: () => ["pipeline", "--input-video", video, "--api-base", "localhost"],
    code: 2,
    says: "--api-base must be an address",
  },
  {
    name: "a bad MAX_TOKENS",
    args: () => ["pipeline", "--input-video", video],
    env: { API_KEY: "some-key", MAX_TOKENS: "lots" },
    code: 2,
    says: "MAX_TOKENS must be a whole number",
  },
  { name: "validate without a folder", args: () => ["validate"], code: 2, says: "--video-output-dir" },
  {
    name: "validate of nothing",
    args: (path) => ["validate", "--output-root", join(path, "none")],
    code: 2,
    says: "is not a folder",
  },
]

describe("wrong usage ends in one clear sentence and leaves nothing behind", () => {
  test.each(wrongs.map((wrong) => [wrong.name, wrong] as const))(
    "%s",
    async (_name, { args, env, code, says }) => {
      await using root = await temporaryFolder()
      const given = args(folder.path)
      const output = given[0] === "pipeline" ? ["--output-root", join(root.path, "out")] : []
      const result = await runCli([...given, ...output], env)
      const said = result.stderr + (given.includes("--preflight-only") ? result.stdout : "")
      expect(said).toMatch(says)
      expect(said).not.toContain("    at ")
      expect(result.code).toBe(code)
      // A video that failed is noted, for --only-failed.
      const left = filesBelow(root.path).filter((file) => !file.startsWith("out/.batch/failed/"))
      expect(left).toEqual([])
      if (code === 2 && says !== noModel) expect(result.stderr.trim().split("\n")).toHaveLength(1)
    },
  )
})

describe("what is asked for comes out", () => {
  test.each([[["--help"]], [[]]])("overview for %p", async (args) => {
    const { code, stdout } = await runCli(args)
    expect(code).toBe(0)
    expect(stdout).toContain("pipeline  Turn a video")
  })

  test.each(["pipeline", "stage1", "stage2", "stage3", "validate", "demo"])("help of %s", async (command) => {
    const { code, stdout } = await runCli([command, "--help"])
    expect(code).toBe(0)
    expect(stdout).toContain(`Usage: bun run ${command}`)
    expect(stdout).toContain("Exit codes:")
    expect(stdout).not.toContain("\u001b")
  })

  test("pictures without room for a label, with --image-labels text", async () => {
    await using root = await temporaryFolder()
    const flags = ["--image-labels", "text", "--output-root", root.path, "--max-frames", "8"]
    const result = await runCli([...file("tiny.mkv")(folder.path), ...flags])
    expect(result).toMatchObject({ code: 0, stdout: `${join(root.path, "tiny")}\n` })
  })

  test("--preflight-only checks everything and writes nothing", async () => {
    await using root = await temporaryFolder()
    const flags = [
      "--input-video",
      video,
      "--output-root",
      join(root.path, "a", "b"),
      "--rehearsal",
      "--preflight-only",
    ]
    const { code, stdout } = await runCli(["pipeline", ...flags])
    expect(stdout).toBe(
      `ok      decoder (libav)\nok      cutter (libav)\nok      prompts\nok      output root\nok      ${video}\n`,
    )
    expect(code).toBe(0)
    expect(readdirSync(root.path)).toEqual([])
  })

  test("--preflight-only says that the service was not asked, without what is secret in its address", async () => {
    await using root = await temporaryFolder()
    await using server = startChatServer()
    const address = server.url.replace("http://", "http://user:hidden@")
    const flags = [
      "--input-video",
      video,
      "--output-root",
      root.path,
      "--model",
      "some-vlm",
      "--preflight-only",
    ]
    const text = await runCli(["pipeline", ...flags, "--api-base", address], { API_KEY: "sk-hidden" })
    expect(text.code).toBe(0)
    expect(text.stdout).toContain(
      `service some-vlm at ${server.url}: not asked; the first call, or --ask, shows`,
    )
    expect(text.stdout + text.stderr).not.toContain("hidden")
    const json = await runCli(["pipeline", ...flags, "--json", "--api-base", address], {
      API_KEY: "sk-hidden",
    })
    const checks = json.stdout
      .trimEnd()
      .split("\n")
      .map((line) => v.parse(jsonLineSchema, JSON.parse(line)))
    expect(checks.at(-1)).toMatchObject({
      event: "check",
      ok: null,
      what: `service some-vlm at ${server.url}`,
    })
    expect(checks.slice(0, -1).every((check) => "ok" in check && check.ok === true)).toBe(true)
    expect(server.calls).toHaveLength(0)
  })

  test("flags win over the environment, which wins over defaults", async () => {
    await using root = await temporaryFolder()
    await using server = startChatServer()
    const env = {
      API_KEY: "key-from-the-environment",
      API_BASE_URL: server.url,
      MODEL_NAME: "model-from-the-environment",
      MODEL_PROVIDER_ID: "provider-from-the-environment",
      MAX_TOKENS: "1234",
      TEMPERATURE: "0.7",
      OPENAI_API_KEY: "key-that-is-not-asked-for",
    }
    const flags = [
      "--input-video",
      video,
      "--max-frames",
      "8",
      "--model",
      "model-from-a-flag",
      "--max-tokens",
      "99",
    ]
    const { code } = await runCli(["stage1", ...flags, "--output-root", root.path], env)
    expect(code).toBe(0)
    expect(server.calls[0]).toMatchObject({ model: "model-from-a-flag", maxTokens: 99, temperature: 0.7 })
    expect(server.calls[0]?.headers.get("x-model-provider-id")).toBe("provider-from-the-environment")
    expect(server.calls[0]?.headers.get("authorization")).toBe("Bearer key-from-the-environment")
  })

  test("an endpoint without a key is asked", async () => {
    await using root = await temporaryFolder()
    await using server = startChatServer()
    const flags = [
      "--input-video",
      video,
      "--max-frames",
      "8",
      "--api-base",
      server.url,
      "--output-root",
      root.path,
    ]
    expect((await runCli(["stage1", ...flags])).code).toBe(0)
    expect(server.calls).toHaveLength(1)
  })
})

const foldersIn = (path: string): ReadonlyArray<string> =>
  readdirSync(path, { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
    .toSorted()

describe("a folder of videos", () => {
  const prepare = async (dir: string) => {
    await makeVideo({ dir, name: "a.mp4", frames: 40 })
    writeFileSync(join(dir, "b.mp4"), "no video")
    await makeVideo({ dir, name: "c.mkv", frames: 40 })
    writeFileSync(join(dir, "notes.txt"), "not for us")
  }

  const batchOf = (dir: string, ...flags: ReadonlyArray<string>) =>
    rehearsed(...["--input-video-dir", dir, "--output-root", join(dir, "out"), "--max-frames", "8"], ...flags)

  test("stops at the first failure", async () => {
    await using root = await temporaryFolder()
    await prepare(root.path)
    const { code, stdout } = await runCli(batchOf(root.path, "--video-concurrency", "1"))
    expect(code).toBe(1)
    expect(stdout).toContain("1 done, 1 failed, 1 not finished")
    expect(foldersIn(join(root.path, "out"))).toEqual([".batch", "a"])
  })

  test("goes on with --continue-on-error, and still says that one failed", async () => {
    await using root = await temporaryFolder()
    await prepare(root.path)
    const { code, stdout, stderr } = await runCli(batchOf(root.path, "--continue-on-error"))
    expect(code).toBe(1)
    expect(stdout).toContain("2 done, 1 failed\n")
    expect(stderr).toContain("error: b: ")
    expect(foldersIn(join(root.path, "out"))).toEqual([".batch", "a", "c"])
  })
})

describe("flags and variables that an earlier implementation had", () => {
  const overloaded = () => new Response("busy", { status: 503 })

  test("OPENAI_API_KEY, API_CALL_RETRIES, API_CALL_RETRY_BACKOFF_SEC and VERBOSE_LOGGING are understood", async () => {
    await using root = await temporaryFolder()
    await using server = startChatServer({ behave: (call, good) => (call.number < 3 ? overloaded() : good) })
    const env = {
      OPENAI_API_KEY: "key-of-the-other-name",
      API_BASE_URL: server.url,
      API_CALL_RETRIES: "2",
      API_CALL_RETRY_BACKOFF_SEC: "0",
      VERBOSE_LOGGING: "yes",
    }
    const flags = ["--input-video", video, "--max-frames", "8", "--output-root", root.path]
    const { code } = await runCli(["stage1", ...flags], env)
    expect(code).toBe(0)
    expect(server.calls).toHaveLength(3)
    expect(server.calls[0]?.headers.get("authorization")).toBe("Bearer key-of-the-other-name")
    const again = await runCli(["stage1", ...flags], env)
    expect(again.stderr).toContain("kept")
  })

  test("--max-retries is the single stage's own number of retries, --num-workers the videos at a time", async () => {
    await using root = await temporaryFolder()
    await using server = startChatServer({ behave: () => "no" })
    const flags = ["--input-video", video, "--max-frames", "8", "--output-root", root.path]
    const more = ["--max-retries", "1", "--num-workers", "2", "--api-base", server.url]
    const { code, stderr } = await runCli(["stage1", ...flags, ...more])
    expect(code).toBe(1)
    expect(stderr).toContain("no valid answer after 2 attempts")
    expect(server.calls).toHaveLength(2)
  })

  test.each([
    ["overlay by default", [], {}, 0],
    ["text by its flag", ["--image-labels", "text"], {}, 8],
    ["text by the old flag", ["--no-embed-index"], {}, 8],
    ["text by the variable", [], { EMBED_INDEX_ON_API_IMAGES: "0" }, 8],
    ["both", ["--image-labels", "both"], { EMBED_INDEX_ON_API_IMAGES: "0" }, 8],
  ] as const)("labels: %s", async (_name, more, env, labels) => {
    await using root = await temporaryFolder()
    await using server = startChatServer()
    const flags = ["--input-video", video, "--max-frames", "8", "--output-root", root.path]
    const all = [...flags, "--stages", "1,2", "--api-base", server.url, ...more]
    expect((await runCli(["pipeline", ...all], env)).code).toBe(0)
    const [plain, labelled] = server.calls
    expect(plain?.labels).toEqual([])
    expect(labelled?.labels).toHaveLength(labels)
    const isDrawn = Buffer.compare(labelled?.images[0] ?? Buffer.of(), plain?.images[0] ?? Buffer.of()) !== 0
    expect(isDrawn).toBe(labels === 0 || more.some((word) => word === "both"))
  })

  test("two flags that contradict each other are refused", async () => {
    const flags = ["--no-embed-index", "--image-labels", "both", "--input-video", video]
    const { code, stderr } = await runCli(["pipeline", "--rehearsal", ...flags])
    expect(code).toBe(2)
    expect(stderr).toContain("either --no-embed-index or --image-labels both")
  })
})
