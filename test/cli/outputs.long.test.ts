import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { type ChatServer, startChatServer } from "../support/chat-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { filesBelow, runCli, startCliOnTerminal } from "../support/run-cli.ts"
import { runShell } from "../support/run-shell.ts"

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let video: string
let done: string

beforeAll(async () => {
  folder = await temporaryFolder()
  video = await makeVideo({ dir: folder.path, name: "cup.mp4", frames: 48 })
  done = join(folder.path, "done")
  expect((await runCli(rehearsed(done))).code).toBe(0)
})
afterAll(() => folder[Symbol.asyncDispose]())

const run = (root: string) => ["pipeline", "--input-video", video, "--output-root", root, "--max-frames", "8"]
const rehearsed = (root: string, ...more: ReadonlyArray<string>) => [...run(root), "--rehearsal", ...more]
const isFinished = (root: string) => existsSync(join(root, "cup", "causal_plan_with_keyframes.json"))

/** Answers once it is let, and says when it has been asked. */
const gatedServer = (): ChatServer & { readonly open: () => void; readonly asked: Promise<void> } => {
  const gate = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  const server = startChatServer({
    behave: async (_call, good) => {
      asked.resolve()
      await gate.promise
      return good
    },
  })
  return { ...server, open: gate.resolve, asked: asked.promise }
}

describe.skipIf(process.platform === "win32")(
  "an output that takes nothing more costs text, and not the work",
  () => {
    const sinks: ReadonlyArray<readonly [name: string, redirection: string, flags: ReadonlyArray<string>]> = [
      ["head -1 of both", "2>&1 | head -1", ["--verbose"]],
      ["head -1 of its objects", "| head -1", ["--json"]],
      ["a reader that reads nothing", "2>&1 | true", []],
      ["a full disk for both", ">/dev/full 2>&1", ["--json"]],
      ["a full disk for the log", "2>/dev/full", ["--verbose"]],
      ["closed outputs and a closed input", ">&- 2>&- <&-", []],
    ]
    test.each(sinks)("a run goes on with %s", async (_name, redirection, flags) => {
      await using root = await temporaryFolder()
      expect((await runShell(rehearsed(root.path, ...flags), redirection)).code).toBe(0)
      expect(isFinished(root.path)).toBe(true)
    })

    const asking: ReadonlyArray<readonly [command: string, code: number, args: () => ReadonlyArray<string>]> =
      [
        ["status", 0, () => ["status", "--output-root", done]],
        ["status --json", 0, () => ["status", "--json", "--output-root", done]],
        ["validate", 0, () => ["validate", done]],
        ["help", 0, () => ["--help"]],
        ["help of a command", 0, () => ["pipeline", "--help"]],
        ["preflight", 0, () => rehearsed(done, "--preflight-only")],
        ["dry run", 0, () => rehearsed(done, "--dry-run")],
        [
          "frames",
          0,
          () => ["frames", "--video", video, "--at", "0", "--at", "1", "--output", join(folder.path, "f")],
        ],
        ["wrong usage", 2, () => ["pipeline", "--json", "--nonsense"]],
      ]
    test.each(asking)(
      "%s ends as it would have, or with 1 where its text is lost",
      async (_name, code, args) => {
        const early = await runShell(args(), "| head -1")
        expect(early.code).toBe(code)
        expect(early.stdout.trimEnd().split("\n")).toHaveLength(1)
        expect(early.stderr).not.toContain("    at ")
        const full = await runShell(args(), ">/dev/full")
        expect(full.code).toBe(code === 0 ? 1 : code)
        expect(full.stderr).toContain("error: the standard output is incomplete: the disk is full")
        expect((await runShell(args(), ">&- 2>&- <&-")).code).toBe(code)
      },
    )

    test("a reader that reads late gets every line, also of a run that failed", async () => {
      await using root = await temporaryFolder()
      const flags = ["--output-root", root.path, "--rehearsal", "--json", "--input-list", "-"]
      const list = Array.from({ length: 400 }, (_, i) =>
        join(root.path, `${"name".repeat(40)}${i}.mp4`),
      ).join("\n")
      const { code, stdout } = await runShell(
        ["pipeline", ...flags, "--continue-on-error"],
        "| { sleep 3; cat; }",
        list,
      )
      expect(code).toBe(1)
      const events = stdout
        .trimEnd()
        .split("\n")
        .map((line): unknown => JSON.parse(line))
      expect(events.filter((event) => JSON.stringify(event).includes('"video_failed"'))).toHaveLength(400)
      expect(events.at(-1)).toMatchObject({ event: "batch_finished", failed: 400 })
    })
  },
)

const closing = ["SIGHUP", "SIGTERM", "SIGINT"] as const

describe.skipIf(process.platform === "win32")("a terminal", () => {
  const size = { columns: 80, rows: 24 }

  test.each(closing)("that sends %s and is gone: the call under way is finished and kept", async (signal) => {
    await using root = await temporaryFolder()
    await using server = gatedServer()
    await using child = startCliOnTerminal([...run(root.path), "--api-base", server.url], size)
    await server.asked
    child.close()
    child.kill(signal)
    await Bun.sleep(300)
    server.open()
    expect(await child.exited).toBe(130)
    expect(server.calls).toHaveLength(1)
    const kept = filesBelow(join(root.path, "cup", "stage1"))
    expect(kept).toContain("stage1_raw_response.txt")
    expect(kept).toContain("draft_plan.json")
  })

  test("that is gone without a signal: the run goes on to its end", async () => {
    await using root = await temporaryFolder()
    await using server = gatedServer()
    await using child = startCliOnTerminal([...run(root.path), "--api-base", server.url], size)
    await server.asked
    child.close()
    server.open()
    expect(await child.exited).toBe(0)
    expect(isFinished(root.path)).toBe(true)
  })

  test.each(["SIGQUIT", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGTSTP"] as const)(
    "has its cursor back after %s",
    async (signal) => {
      await using root = await temporaryFolder()
      await using server = gatedServer()
      const args = [...run(root.path), "--api-base", server.url, "--grace-sec", "0"]
      await using child = startCliOnTerminal(args, size)
      await server.asked
      await child.until(() => !child.terminal.isCursorVisible)
      child.kill(signal)
      await child.until(() => child.terminal.isCursorVisible)
      expect(child.terminal.isUpdating).toBe(false)
    },
  )

  test("that is called dumb gets text and no control sequence", async () => {
    for (const args of [rehearsed(join(folder.path, "dumb")), ["status", "--watch", "--output-root", done]]) {
      await using child = startCliOnTerminal(args, size, { TERM: "dumb" })
      expect(await child.exited).toBe(0)
      expect(child.bytes()).not.toContain("\u001b")
      expect(child.bytes()).toContain("done")
    }
  })

  test("is painted on without colours", async () => {
    await using child = startCliOnTerminal(rehearsed(join(folder.path, "painted")), size, { NO_COLOR: "1" })
    expect(await child.exited).toBe(0)
    expect(child.bytes()).toContain("\u001b[?25l")
    const sequences = child
      .bytes()
      .split("\u001b[")
      .map((text) => /^[\d;]*m/u.test(text))
    expect(sequences).not.toContain(true)
  })
})

test.skipIf(process.platform !== "linux")(
  "under nohup a terminal that is closed does not end the run",
  async () => {
    await using root = await temporaryFolder()
    await using server = gatedServer()
    const args = [...run(root.path), "--api-base", server.url]
    const waiting = runShell(args, `& echo $! >${join(root.path, "pid")}; wait $!`, "", "nohup")
    await server.asked
    process.kill(Number(readFileSync(join(root.path, "pid"), "utf8")), "SIGHUP")
    server.open()
    await waiting
    expect(isFinished(root.path)).toBe(true)
  },
)
