import { expect, setDefaultTimeout, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { startChatServer } from "../support/chat-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { runCli } from "../support/run-cli.ts"

setDefaultTimeout(120_000)

const surgical = join(import.meta.dir, "../../examples/prompts/surgical")

test("task and prompts reach every question, and a folder is made in one wording", async () => {
  await using place = await temporaryFolder()
  await using server = startChatServer({ steps: 4 })
  const video = await makeVideo({ dir: place.path, name: "cup.mp4", frames: 48 })
  const root = join(place.path, "out")
  const command = [
    ...["pipeline", "--input-video", video, "--output-root", root, "--api-base", server.url],
    ...["--model", "loopback-vlm", "--max-frames", "8"],
  ]
  const told = ["--task", " a cup is filled ", "--prompts", surgical]
  expect((await runCli([...command, ...told])).code).toBe(0)
  expect(server.calls.length).toBe(6)
  for (const { system } of server.calls) {
    expect(system).toContain("through an endoscope")
    expect(system).toContain("The video is said to show this: a cup is filled\n")
  }
  expect(readFileSync(join(root, "cup/stage1/stage1_system_prompt.txt"), "utf8")).toContain("a cup is filled")
  expect((await runCli(["validate", join(root, "cup"), "--quick"])).code).toBe(0)
  expect((await runCli([...command, ...told])).code).toBe(0)
  const other = await runCli([...command, "--prompts", surgical])
  expect(other.code).toBe(1)
  expect(other.stderr).toContain('what differs is the task ("a cup is filled", now none)')
  const plain = await runCli(command)
  expect(plain.stderr).toMatch(/what differs is the prompts \(.*system\.md\) and the task/u)
  expect(server.calls.length).toBe(6)
  const empty = await runCli([...command, "--task", " "])
  expect([empty.code, empty.stderr]).toEqual([2, expect.stringContaining("--task must not be empty")])
  const wrong = await runCli([...command, "--prompts", place.path])
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("check --prompts")])
})
