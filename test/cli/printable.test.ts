import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as v from "valibot"
import { statusSchema } from "../../src/cli/status-text.ts"
import { markdownText, printable, printableJson, printableLines } from "../../src/text/printable.ts"
import { startChatServer } from "../support/chat-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { type CliResult, runCli, startCliOnTerminal } from "../support/run-cli.ts"

/** One of each kind of character that must not get out as it is. */
const characters = [
  ["ESC", "\u001b"],
  ["BEL", "\u0007"],
  ["backspace", "\b"],
  ["line break", "\n"],
  ["carriage return", "\r"],
  ["vertical tab", "\v"],
  ["DEL", "\u007f"],
  ["CSI of C1", "\u009b"],
  ["OSC of C1", "\u009d"],
  ["NEL", "\u0085"],
  ["line separator", "\u2028"],
  ["paragraph separator", "\u2029"],
  ["right-to-left override", "\u202e"],
  ["isolate", "\u2067"],
  ["Arabic letter mark", "\u061c"],
  ["zero width space", "\u200b"],
  ["byte order mark", "\ufeff"],
  ["soft hyphen", "\u00ad"],
  ["half a surrogate pair", "\ud83d"],
  ["language tag", "\u{e0001}"],
] as const

describe("a character that a terminal would act upon", () => {
  test.each(characters)("%s is shown as an escape, in a line, in lines and in JSON", (_name, character) => {
    const text = `a${character}b`
    expect(printable(text)).toMatch(/^a\\[nrtu][0-9a-f\\u]*b$/u)
    expect(printable(printable(text))).toBe(printable(text))
    if (character !== "\n") expect(printableLines(text)).not.toContain(character)
    const json = printableJson(JSON.stringify({ text }))
    expect(json).not.toContain(character)
    expect(JSON.parse(json)).toEqual({ text })
  })

  test("others stay as they are", () => {
    const text = "把杯子 é\u0301 👩‍👩‍👧 شاي עברית a_b-c.mp4 ½ ⟨x⟩"
    expect(printable(text)).toBe(text)
    expect(printableLines(`${text}\n\t${text}`)).toBe(`${text}\n\t${text}`)
  })
})

test("Markdown shows a text as it is, without markup, links or HTML", () => {
  expect(markdownText("a|b `c` *d* _e_ [f](g) ![h](i) # ~j~")).toBe(
    "a\\|b \\`c\\` \\*d\\* \\_e\\_ \\[f\\]\\(g\\) \\!\\[h\\]\\(i\\) \\# \\~j\\~",
  )
  expect(markdownText("<script>alert(1)</script> &lt; <img src=x>")).toBe(
    "&lt;script&gt;alert\\(1\\)&lt;/script&gt; &amp;lt; &lt;img src=x&gt;",
  )
  expect(markdownText("see https://example.com or www.example.com, a@b.c")).toBe(
    "see https\\://example.com or www\\.example.com, a\\@b.c",
  )
  expect(markdownText("one\ntwo\u001b]8;;http://x\u0007")).toBe(
    "one\\\\ntwo\\\\u001b\\]8;;http\\://x\\\\u0007",
  )
})

// File systems of Windows take none of these names.
describe.skipIf(process.platform === "win32")("odd names and odd answers", () => {
  const names = [
    "new\nline",
    "esc\u001b[2J\u001b]0;owned\u0007",
    "c1\u009b31m",
    "bidi\u202egpj",
    "pipe | `tick` <b>&",
  ]
  const service = "\u001b[31mno\u009b2J\u202e such\nmodel <script>"
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let root: string
  let videos: string
  const runs: Array<CliResult> = []

  /** What must be nowhere: the characters themselves. A line break is what ends lines. */
  const forbidden = /[^\P{Cc}\n\t]|[\u202e\u2028]/u

  beforeAll(async () => {
    folder = await temporaryFolder()
    videos = join(folder.path, "videos")
    root = join(folder.path, "data\u001b[1mset")
    mkdirSync(videos)
    const video = await makeVideo({ dir: videos, name: "first.mp4", frames: 48 })
    for (const name of names) copyFileSync(video, join(videos, `${name}.mp4`))
    writeFileSync(join(videos, "broken\u001b[5m.mp4"), "no video")
    await using server = startChatServer({
      behave: (call, good) =>
        call.number % 3 === 0 ? Response.json({ error: { message: service } }, { status: 404 }) : good,
    })
    const args = [
      "--input-video-dir",
      videos,
      "--output-root",
      root,
      "--max-frames",
      "8",
      "--continue-on-error",
    ]
    for (const flags of [[], ["--json"], ["--verbose"]])
      runs.push(
        await runCli(["pipeline", ...args, ...flags, "--api-base", server.url, "--api-call-retries", "0"]),
      )
  })
  afterAll(() => folder[Symbol.asyncDispose]())

  test("reach no output of a run as they are", () => {
    for (const { stdout, stderr } of runs) {
      expect(stdout).not.toMatch(forbidden)
      expect(stderr).not.toMatch(forbidden)
    }
    expect(runs[0]?.stderr).toContain("new\\nline: started,")
    expect(runs[0]?.stderr).toContain("2J\\u202e such")
  })

  test("stand in the report as text", () => {
    const markdown = readFileSync(join(root, "run_report.md"), "utf8")
    expect(markdown).not.toMatch(forbidden)
    expect(markdown).not.toContain("<script>")
    expect(markdown).toContain("broken\\\\u001b\\[5m")
    expect(readFileSync(join(root, "run_report.json"), "utf8")).not.toMatch(forbidden)
  })

  test("are listed truly by status", async () => {
    const json = await runCli(["status", "--json", "--output-root", root])
    expect(json.stdout).not.toMatch(forbidden)
    const status = v.parse(statusSchema, JSON.parse(json.stdout))
    const listed = [...status.unfinished_videos, ...status.failures.flatMap((group) => group.videos)]
    expect(listed).toContain("broken\u001b[5m")
    expect(names.filter((name) => !listed.includes(name)).length).toBeLessThanOrEqual(status.done)
    const table = await runCli(["status", "--output-root", root])
    expect(table.stdout).not.toMatch(forbidden)
    expect(table.stdout).toContain("broken\\u001b[5m")
  })

  test("are shown by validate, with the keys of a folder that was tampered with", async () => {
    const finished = join(folder.path, "finished")
    const args = ["--input-video", join(videos, "first.mp4"), "--output-root", finished, "--max-frames", "8"]
    expect((await runCli(["pipeline", ...args, "--rehearsal"])).code).toBe(0)
    const file = join(finished, "first", "run_summary.json")
    const summary = JSON.parse(readFileSync(file, "utf8"))
    writeFileSync(file, JSON.stringify({ ...summary, "key\u001b[2J\n\u009b": 1, video_id: "\u202eodd" }))
    writeFileSync(join(finished, "first", "left\u001b[7m\nover.txt"), "")
    const report = join(folder.path, "report.json")
    const { code, stdout, stderr } = await runCli(["validate", finished, "--report-json", report])
    expect(code).toBe(1)
    for (const text of [stdout, stderr, readFileSync(report, "utf8")]) expect(text).not.toMatch(forbidden)
    expect(stdout).toContain("left\\u001b[7m\\nover.txt")
  })

  test("paint nothing on a terminal", async () => {
    const args = [
      "pipeline",
      "--input-video-dir",
      videos,
      "--output-root",
      join(folder.path, "t"),
      "--max-frames",
      "8",
    ]
    await using child = startCliOnTerminal([...args, "--continue-on-error", "--rehearsal"], {
      columns: 120,
      rows: 30,
    })
    expect(await child.exited).toBe(1)
    // The terminal of the tests throws at a sequence that the display does not use.
    expect(child.terminal.lines().join("\n")).toContain("new\\nline: finished,")
    expect(child.bytes()).not.toContain("owned\u0007")
  })

  test("are shown in messages about wrong usage", async () => {
    for (const args of [
      ["pipeline", "--input-video", "/no\u001b[2J\nwhere.mp4", "--rehearsal"],
      ["\u001b[2J"],
      ["pipeline", "odd\u001b[2J.mp4"],
      ["pipeline", "--odd\u001b[2J"],
      ["status", "--output-root", "/no\u009bwhere\u202e"],
      ["frames", "--video", "x", "--at", "1\u001b[2J"],
    ]) {
      const { code, stdout, stderr } = await runCli(args)
      expect(code).toBe(2)
      expect(stdout).toBe("")
      expect(stderr).not.toMatch(forbidden)
      expect(stderr.trimEnd().split("\n")).toHaveLength(1)
    }
  })
})
