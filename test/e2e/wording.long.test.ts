import { expect, setDefaultTimeout, test } from "bun:test"
import { readFileSync, writeFileSync } from "node:fs"
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

test("a run in Chinese, by prompts that are written in it, is valid", async () => {
  await using place = await temporaryFolder()
  await using server = startChatServer({ steps: 4 })
  const video = await makeVideo({ dir: place.path, name: "cup.mp4", frames: 48 })
  const root = join(place.path, "out")
  const chinese = join(import.meta.dir, "../../examples/prompts/chinese")
  const command = [
    ...["pipeline", "--input-video", video, "--output-root", root, "--api-base", server.url],
    ...["--model", "loopback-vlm", "--max-frames", "8", "--prompts", chinese, "--language", "zh"],
  ]
  expect((await runCli(command)).code).toBe(0)
  expect(server.calls.map(({ stage }) => stage).toSorted()).toEqual([1, 2, 3, 3, 3, 3])
  for (const { prompt, system } of server.calls) {
    expect(system).toContain("简体中文")
    expect(prompt).toStartWith("# 任务：")
  }
  expect((await runCli(["validate", root, "--quick"])).code).toBe(0)
  // What is recorded decides the rules: with a number of a picture in it, a text is no longer valid.
  const file = join(root, "cup/stage1/draft_plan.json")
  const plan = readFileSync(file, "utf8")
  writeFileSync(file, plan.replace("The cube has to leave", "见第3帧。The cube has to leave"))
  const found = await runCli(["validate", root, "--quick"])
  expect([found.code, found.stdout]).toEqual([1, expect.stringContaining("第3帧")])
})

test("as many steps as are asked for, single acts and a language are drafted, kept to and validated", async () => {
  await using place = await temporaryFolder()
  await using server = startChatServer({ steps: 12 })
  const video = await makeVideo({ dir: place.path, name: "cup.mp4", frames: 48 })
  const root = join(place.path, "out")
  const command = [
    ...["pipeline", "--input-video", video, "--output-root", root, "--api-base", server.url],
    ...["--model", "loopback-vlm", "--max-frames", "16", "--stage1-retries", "0"],
  ]
  const refused = await runCli(command)
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringContaining("must hold 3 to 8 steps, not 12"),
  ])
  const form = ["--granularity", "atomic", "--language", "de"]
  const dry = await runCli([...command, ...form, "--steps", "10..14", "--overwrite", "--dry-run"])
  expect(dry.stdout).toContain("calls         12 (plans not drafted yet: 10 steps assumed)")
  expect((await runCli([...command, ...form, "--overwrite"])).code).toBe(0)
  expect(server.calls).toHaveLength(1 + 14)
  expect(server.calls[1]?.system).toContain("Write plain German in the present tense")
  expect(server.calls[1]?.prompt).toContain(
    "Write 1 to 16 steps, in the order in which they happen. A step is one smallest",
  )
  expect((await runCli(["validate", root, "--quick", "--fail-on-warnings"])).code).toBe(0)
  const other = await runCli([...command, "--steps", "10..14"])
  expect(other.stderr).toContain(
    "the number of steps (1 to 16, now 10 to 14), the granularity (atomic, now causal) and the language (de, now en)",
  )
  expect((await runCli([...command, ...form])).code).toBe(0)
  expect(server.calls).toHaveLength(1 + 14)
})

test("steps are those of a known procedure, and which are missing is said", async () => {
  await using place = await temporaryFolder()
  await using server = startChatServer({ steps: 4 })
  const video = await makeVideo({ dir: place.path, name: "cup.mp4", frames: 48 })
  const root = join(place.path, "out")
  const list = join(place.path, "steps.txt")
  const goals = [
    "Pick up the red_cube",
    "Place the red_cube on the blue_block",
    "Tilt the jug over the glass",
  ]
  writeFileSync(list, `${goals.join("\n")}\nset the jug DOWN\nWipe the table\n`)
  const command = [
    ...["pipeline", "--input-video", video, "--output-root", root, "--api-base", server.url],
    ...["--model", "loopback-vlm", "--max-frames", "8", "--steps-file", list],
  ]
  expect((await runCli(command)).code).toBe(0)
  expect(server.calls[0]?.prompt).toContain("Every `step_goal` is one of these, word for word")
  expect(readFileSync(join(root, "cup/stage1/draft_plan.json"), "utf8")).toContain('"set the jug DOWN"')
  const found = await runCli(["validate", root, "--quick"])
  expect([found.code, found.stdout]).toEqual([
    0,
    expect.stringContaining('1 step of the list does not occur: "Wipe the table"'),
  ])
  writeFileSync(list, `${goals.join("\n")}\n`)
  const other = await runCli([...command, "--stage1-retries", "0"])
  expect([other.code, other.stderr]).toEqual([
    1,
    expect.stringContaining(
      "what differs is the prompts (prompts/structured/stage1.md) and the list of steps",
    ),
  ])
  const strict = await runCli([...command, "--stage1-retries", "0", "--overwrite"])
  expect([strict.code, strict.stderr]).toEqual([1, expect.stringContaining("is not in the list of steps")])
  writeFileSync(list, Buffer.from([0xff, 0x00]))
  expect((await runCli(command)).stderr).toContain(`--steps-file ${list} is not UTF-8 text`)
  const rehearsed = [
    "pipeline",
    "--input-video",
    video,
    "--output-root",
    join(place.path, "tried"),
    "--rehearsal",
  ]
  writeFileSync(list, "Mix it\nPour it\n")
  expect((await runCli([...rehearsed, "--max-frames", "8", "--steps-file", list])).code).toBe(0)
})

test.each([
  ["--steps", "8..3", "--steps must be a number of steps or MIN..MAX"],
  ["--steps", "0..3", "--steps must be a number of steps or MIN..MAX"],
  ["--steps", "3-8", "--steps must be a number of steps or MIN..MAX"],
  ["--steps", "3..60", "--steps allows 60 steps, but the pool has 50 frames"],
  ["--language", "Klingonish", "--language must be the tag of a language"],
  ["--granularity", "fine", "must be causal or atomic"],
  ["--annotation-schema", "numbered --language zh", "does not go with --annotation-schema numbered"],
])("%s %s is refused", async (flag, value, says) => {
  await using place = await temporaryFolder()
  const video = await makeVideo({ dir: place.path, name: "cup.mp4", frames: 12 })
  const result = await runCli(["pipeline", "--input-video", video, "--rehearsal", flag, ...value.split(" ")])
  expect([result.code, result.stderr]).toEqual([2, expect.stringContaining(says)])
})
