import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { copyFileSync, mkdirSync, readFileSync, renameSync } from "node:fs"
import { join } from "node:path"
import * as v from "valibot"
import { reportSchema } from "../../src/batch/report.ts"
import { commandAgain, type Invocation } from "../../src/cli/again.ts"
import { commandLine } from "../../src/cli/shell.ts"
import { completion, startChatServer } from "../support/chat-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { finished, main, runCli, startCli } from "../support/run-cli.ts"

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let video: string

beforeAll(async () => {
  folder = await temporaryFolder()
  video = await makeVideo({ dir: folder.path, name: "cup.mp4", frames: 48 })
})
afterAll(() => folder[Symbol.asyncDispose]())

/** What a shell takes a command line apart into. */
const wordsOf = (shell: string, line: string): ReadonlyArray<string> => {
  const { stdout } = Bun.spawnSync([shell, "-c", `printf '%s\\0' ${line}`])
  return stdout.toString().split("\0").slice(0, -1)
}

const nextOf = (stderr: string): string => /^next: (.*)$/mu.exec(stderr)?.[1] ?? ""

describe("a command line that is printed", () => {
  const words = [
    "plain",
    "it's one.mp4",
    'say "hi"',
    "$(touch /tmp/x) `id` $HOME",
    "a\\b",
    "把杯子 放下.mp4",
    "*?[x]{a,b}~!#&;|<>()",
    "",
    "-dash",
    "=equals",
  ]
  test.skipIf(process.platform === "win32")("is read back by a shell word by word", () => {
    expect(wordsOf("sh", commandLine(words))).toEqual(words)
  })

  test.skipIf(Bun.which("bash") === null)(
    "also with what a terminal would act upon, which is not in it",
    () => {
      const odd = [...words, "line\nbreak", "\u001b[2J red", "\u009b31m", "left\u202eright", "tab\there"]
      const line = commandLine(odd)
      expect(line).not.toMatch(/[\p{Cc}\u202e]/u)
      expect(wordsOf("bash", line)).toEqual(odd)
    },
  )
})

describe("the same command once more", () => {
  const how = (args: ReadonlyArray<string>, env: Record<string, string> = {}): Invocation => ({
    args,
    env: { npm_lifecycle_event: "pipeline", ...env },
    execPath: "/usr/bin/bun",
    script: "/triptych/src/main.ts",
    cwd: "/triptych",
  })
  const key = "sk-secret"

  test.each([
    [["--api-key", key]],
    [[`--api-key=${key}`]],
    [["--api-base", `https://user:${key}@example.com/v1`]],
    [["--api-base", `https://example.com/v1?key=${key}`]],
  ])("never holds what is secret in %p", (secret) => {
    const again = commandAgain(how(["pipeline", "--input-video", "a b.mp4", ...secret, "--overwrite"]))
    expect(again?.text).toBe("bun run pipeline --input-video 'a b.mp4' --overwrite")
    expect(again?.needs).toEqual([secret[0]?.startsWith("--api-key") === true ? "API_KEY" : "API_BASE_URL"])
  })

  test("begins as this one did", () => {
    const args = ["pipeline", "--input-video", "a.mp4"]
    expect(commandAgain({ ...how(args), execPath: "/c/_npx/1/bun" })?.text).toBe(
      `npx --yes bun@${Bun.version} run pipeline --input-video a.mp4`,
    )
    expect(commandAgain({ ...how(args), env: {}, cwd: "/triptych/src" })?.text).toBe(
      "bun main.ts pipeline --input-video a.mp4",
    )
  })

  test("is not offered where the list came from the standard input", () => {
    expect(commandAgain(how(["pipeline", "--input-list", "-"]))).toBeUndefined()
  })
})

describe("the end of a run", () => {
  const flags = (root: string) => ["--output-root", root, "--max-frames", "8"]

  test("that is done says what was done, where that is on record, and how to check it", async () => {
    await using root = await temporaryFolder()
    const { code, stdout, stderr } = await runCli([
      "pipeline",
      ...["--input-video", video, "--rehearsal"],
      ...flags(root.path),
    ])
    expect(code).toBe(0)
    expect(stdout).toBe(`${join(root.path, "cup")}\n`)
    expect(stderr).toMatch(/^\d steps, \d calls, .* s$/mu)
    expect(stderr).toContain(`report: ${join(root.path, "cup", "run_summary.json")}\n`)
    const words = wordsOf("sh", nextOf(stderr))
    expect(words.slice(-2)).toEqual(["validate", join(root.path, "cup")])
    expect((await finished(startCli(words.slice(2)))).code).toBe(0)
  })

  test("of a batch with a failure gives the command that tries it again, and it works", async () => {
    await using root = await temporaryFolder()
    const videos = join(root.path, "my videos")
    mkdirSync(videos)
    await makeVideo({ dir: videos, name: "one.mp4", frames: 48 })
    await makeVideo({ dir: videos, name: "two.mp4", frames: 48, firstNumber: 7 })
    const output = join(root.path, "out")
    let isBroken = true
    await using server = startChatServer({
      behave: (call, good) => (isBroken && call.number === 1 ? completion("no") : good),
    })
    const key = "sk-very-secret"
    const model = ["--api-base", server.url, "--api-key", key, "--stage1-retries", "0"]
    const first = await runCli([
      "pipeline",
      ...["--input-video-dir", videos, "--continue-on-error", ...model],
      ...flags(output),
    ])
    expect(first.code).toBe(1)
    isBroken = false
    expect(first.stderr).toContain(`report: ${join(output, "run_report.md")}\n`)
    expect(first.stderr).toContain("set API_KEY first: what is secret is not repeated")
    const line = nextOf(first.stderr)
    expect(line).not.toContain(key)
    expect(line).toContain("--only-failed")
    const report = v.parse(reportSchema, JSON.parse(readFileSync(join(output, "run_report.json"), "utf8")))
    expect(report.next_command).toBe(line)
    expect(readFileSync(join(output, "run_report.md"), "utf8")).toContain(`    ${line}\n`)
    const words = wordsOf("sh", line)
    expect(join(process.cwd(), words[1] ?? "")).toBe(main)
    expect((await runCli(words.slice(2), { API_KEY: key })).code).toBe(0)
  })

  test("of a folder with a refused input gives the command that takes it under its next name, and fails until then", async () => {
    await using root = await temporaryFolder()
    const videos = join(root.path, "videos")
    mkdirSync(videos)
    copyFileSync(video, join(videos, "cup.mp4"))
    copyFileSync(video, join(videos, "run_report.md.mp4"))
    const output = join(root.path, "out")
    const args = ["pipeline", "--rehearsal", "--stages", "1", "--input-video-dir", videos, ...flags(output)]
    const first = await runCli([...args, "--retry-failed", "--only-failed"])
    expect([first.code, first.stdout.trim()]).toEqual([
      1,
      expect.stringMatching(/^none of 1 videos failed before/u),
    ])
    for (const only of ["--dry-run", "--preflight-only"])
      expect((await runCli([...args, "--retry-failed", only])).code).toBe(1)
    const second = await runCli([...args, "--retry-failed"])
    expect(second.code).toBe(1)
    expect(second.stdout).toContain("1 done, 0 failed, 1 refused")
    const line = nextOf(second.stderr)
    const report = v.parse(reportSchema, JSON.parse(readFileSync(join(output, "run_report.json"), "utf8")))
    expect(report.next_command).toBe(line)
    expect(report.how_to_continue).toEqual([expect.stringContaining("without --only-failed")])
    renameSync(join(videos, "run_report.md.mp4"), join(videos, "plate.mp4"))
    const third = await runCli(wordsOf("sh", line).slice(2))
    expect([third.code, third.stdout]).toEqual([0, expect.stringContaining("2 done, 0 failed")])
    expect(nextOf(third.stderr)).toContain(" validate ")
  })

  test("whose service counts no tokens says that they are estimated", async () => {
    await using root = await temporaryFolder()
    const videos = join(root.path, "videos")
    mkdirSync(videos)
    await makeVideo({ dir: videos, name: "one.mp4", frames: 48 })
    copyFileSync(join(videos, "one.mp4"), join(videos, "two.mp4"))
    await using server = startChatServer({
      behave: (_call, good) =>
        Response.json({
          model: "loopback-vlm",
          choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: good } }],
        }),
    })
    const model = ["--api-base", server.url, "--price-in", "2", "--price-out", "8", "--stages", "1"]
    const { code, stderr } = await runCli([
      "pipeline",
      ...["--input-video-dir", videos, ...model],
      ...flags(root.path),
    ])
    expect(code).toBe(0)
    expect(stderr).toMatch(
      /^0 steps, 2 calls, about [\d.]+K? tokens \([\d.]+K? by estimate\), about \$0\.\d+, /mu,
    )
    const report = v.parse(reportSchema, JSON.parse(readFileSync(join(root.path, "run_report.json"), "utf8")))
    expect(report.estimated_tokens).toBeGreaterThan(0)
    expect(report.estimated_cost_usd).toBeGreaterThan(0)
    expect(report.prompt_tokens).toBe(0)
    expect(readFileSync(join(root.path, "run_report.md"), "utf8")).toContain("that the service did not count")
  })
})
