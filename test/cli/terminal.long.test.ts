import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import * as v from "valibot"
import { jsonLineSchema } from "../../src/cli/progress/json.ts"
import { type ChatServer, startChatServer } from "../support/chat-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { runCli, startCliOnTerminal } from "../support/run-cli.ts"

let folder: Awaited<ReturnType<typeof temporaryFolder>>
const names = ["把杯子放到桌上_第一集_很长的名字", "cup one", "cup two", "cup three"]

beforeAll(async () => {
  folder = await temporaryFolder()
  for (const [i, name] of names.entries())
    await makeVideo({ dir: folder.path, name: `${name}.mp4`, frames: 48, firstNumber: i })
})
afterAll(() => folder[Symbol.asyncDispose]())

/** A server that answers nothing until it is let. */
const gatedServer = (): ChatServer & { open: () => void } => {
  const gate = Promise.withResolvers<void>()
  const server = startChatServer({
    behave: async (_call, good) => {
      await gate.promise
      return good
    },
  })
  return { ...server, open: gate.resolve }
}

const argsFor = (root: string, url: string) => [
  "pipeline",
  ...["--input-video-dir", folder.path, "--output-root", root, "--max-frames", "8", "--api-base", url],
]

describe.skipIf(process.platform === "win32")("on a terminal", () => {
  test("every video has a line, also after the window has become narrow, and the results stand alone at the end", async () => {
    await using root = await temporaryFolder()
    await using server = gatedServer()
    await using run = startCliOnTerminal(argsFor(root.path, server.url), { columns: 80, rows: 24 })
    const isListed = (name: string) =>
      run.screen().some((line) => line.startsWith(name) && line.includes("1 draft"))
    await run.until(() => ["把杯子", "cup one", "cup two", "cup three"].every(isListed))
    expect(run.terminal.isCursorVisible).toBe(false)
    run.resize(40, 16)
    const isNarrow = () => run.screen().every((line) => Bun.stringWidth(line) < 40)
    await run.until(
      () => isNarrow() && run.screen().filter((line) => line.endsWith("/2")).length === names.length,
    )
    expect(run.screen().filter((line) => line.includes("videos done"))).toHaveLength(1)
    server.open()
    expect(await run.exited).toBe(0)
    expect(run.terminal.isCursorVisible).toBe(true)
    const shown = run.terminal.lines()
    const text = shown.join("").replaceAll(/\s/gu, "")
    for (const name of names) expect(text.split(`${name.replaceAll(" ", "")}:finished,/`)).toHaveLength(2)
    expect(shown.filter((line) => line.includes("1 draft"))).toEqual([])
    expect(shown.slice(-1)).toEqual(["4 done, 0 failed"])
  })

  test("Ctrl-C gives the cursor back", async () => {
    await using root = await temporaryFolder()
    await using server = gatedServer()
    await using run = startCliOnTerminal([...argsFor(root.path, server.url), "--grace-sec", "0"], {
      columns: 80,
      rows: 24,
    })
    await run.until(() =>
      run.screen().some((line) => line.startsWith("cup three") && line.includes("1 draft")),
    )
    expect(run.terminal.isCursorVisible).toBe(false)
    run.interrupt()
    expect(await run.exited).toBe(130)
    expect(run.terminal.isCursorVisible).toBe(true)
    expect(run.terminal.isUpdating).toBe(false)
    expect(run.terminal.lines().at(-1)).toContain("run the same command again")
  })
})

test("with --json every line of stdout is an object of the schema, and nothing else is there", async () => {
  await using root = await temporaryFolder()
  const flags = ["--output-root", root.path, "--max-frames", "8", "--rehearsal", "--json"]
  const { code, stdout } = await runCli(["pipeline", "--input-video-dir", folder.path, ...flags])
  expect(code).toBe(0)
  const lines = stdout.trimEnd().split("\n")
  const events = lines.map((line) => v.parse(jsonLineSchema, JSON.parse(line)))
  expect(events.filter(({ event }) => event === "video_finished")).toHaveLength(names.length)
  expect(events.at(-1)).toMatchObject({ event: "batch_finished", done: names.length, failed: 0, left: 0 })
})
