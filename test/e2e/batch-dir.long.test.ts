import { expect, setDefaultTimeout, test } from "bun:test"
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { temporaryFolder } from "../support/folders.ts"
import type { Json } from "../support/replies.ts"
import { requestsIn, resultLines, runBatch } from "../support/run-batch.ts"
import { runCli } from "../support/run-cli.ts"
import { twoVideos } from "../support/two-videos.ts"
import { readVendorBody } from "../support/vendor-bodies.ts"

setDefaultTimeout(300_000)

const videos = twoVideos()

const steps = 4

const place = async () => {
  const root = await temporaryFolder()
  const [out, files] = [join(root.path, "out"), join(root.path, "files of mine")]
  const flags = [
    ...["pipeline", "--input-video-dir", videos(), "--output-root", out, "--batch-dir", files],
    ...["--model", "org/some-vlm", "--max-frames", "8", "--continue-on-error"],
    ...["--price-in", "2", "--price-out", "8"],
  ]
  const named = (ending: RegExp) =>
    readdirSync(files)
      .filter((name) => ending.test(name))
      .map((name) => join(files, name))
      .toSorted()
  return {
    out,
    files,
    flags,
    run: () => runCli(flags),
    /** Files of requests that wait to be answered. */
    inputs: () => named(/^(?!.*\.results).*\.jsonl$/u),
    outputOf: (input: string) => input.replace(/\.jsonl$/u, ".results.jsonl"),
    batches: () =>
      readdirSync(join(out, ".batch/api"))
        .toSorted()
        .map((name) => join(out, ".batch/api", name, "batch.json")),
    [Symbol.asyncDispose]: () => root[Symbol.asyncDispose](),
  }
}

const json = (path: string): Json => JSON.parse(readFileSync(path, "utf8"))

/** The words that a command line has for the shell. */
const wordsOf = async (line: string): Promise<ReadonlyArray<string>> => {
  const shell = Bun.spawn(["sh", "-c", `printf '%s\\n' ${line}`], { stdout: "pipe" })
  return (await new Response(shell.stdout).text()).trimEnd().split("\n")
}

test("three waves of files: each command tells the command that answers them, and goes on with what it left", async () => {
  await using here = await place()
  const sizes: Array<number> = []
  for (let wave = 1; wave <= 3; wave++) {
    const { code, stderr } = await here.run()
    expect(code).toBe(4)
    expect(stderr).not.toContain("error:")
    const [input = "", ...others] = here.inputs()
    expect(others).toEqual([])
    const command = stderr.split("\n").find((line) => line.includes("run-batch")) ?? ""
    expect(await wordsOf(command)).toEqual([
      ...["vllm", "run-batch", "-i", input, "-o", here.outputOf(input), "--model", "org/some-vlm"],
    ])
    for (const { body, method, url } of requestsIn(input)) {
      expect({ method, url }).toEqual({ method: "POST", url: "/v1/chat/completions" })
      expect(body.model).toBe("org/some-vlm")
      readVendorBody.chat(body, new URL("http://localhost/v1/chat/completions"))
    }
    sizes.push(requestsIn(input).length)
    await runBatch(input, here.outputOf(input))
  }
  const last = await here.run()
  expect(last.code).toBe(0)
  expect(last.stdout).toContain("2 done, 0 failed")
  expect(sizes).toEqual([2, 2, 2 * steps])
  expect(here.inputs()).toEqual([])
  const summary = json(join(here.out, "a/run_summary.json"))
  expect(summary.api_config).toMatchObject({ model: "org/some-vlm", api_base: null })
  // Nobody gives a discount to oneself: 1,000 tokens at 2 dollars and 200 at 8, a million each.
  expect(JSON.stringify(summary)).toContain('"cost_usd":0.0036')
  expect((await runCli(["validate", "--output-root", here.out, "--quick"])).code).toBe(0)
})

test("results that stop half-way are taken as far as they go, whatever their order, and the rest is asked anew", async () => {
  await using here = await place()
  for (let wave = 1; wave <= 2; wave++) {
    expect((await here.run()).code).toBe(4)
    const [input = ""] = here.inputs()
    await runBatch(input, here.outputOf(input))
  }
  expect((await here.run()).code).toBe(4)
  const [input = ""] = here.inputs()
  const lines = resultLines(input, (_request, at) => {
    if (at === 0) return { type: "error", status: 500, message: "the engine is busy" }
    return at < 5 ? { type: "answer" } : { type: "missing" }
  }).toReversed()
  const cutOff = `${lines.join("\n")}`.slice(0, -20)
  writeFileSync(here.outputOf(input), `no json\n${cutOff}`)
  const answered = 4
  const partial = await here.run()
  expect(partial.code).toBe(4)
  expect(partial.stderr).toMatch(/without results for 4 of 8 requests: they are asked anew/u)
  const [next = "", ...others] = here.inputs()
  expect(others).toEqual([])
  expect(requestsIn(next).length).toBe(2 * steps - answered)
  await runBatch(next, here.outputOf(next))
  const { code, stdout } = await here.run()
  expect({ code, done: stdout.includes("2 done, 0 failed") }).toEqual({ code: 0, done: true })
})

test("a passing error goes with the next file, and what vLLM says against a request fails its video", async () => {
  await using here = await place()
  expect((await here.run()).code).toBe(4)
  const [input = ""] = here.inputs()
  await runBatch(input, here.outputOf(input), (_request, at) =>
    at === 0
      ? { type: "error", status: 500, message: "the engine is busy" }
      : { type: "exception", message: "At most 4 image(s) may be provided in one prompt." },
  )
  const { code, stderr, stdout } = await here.run()
  expect(code).toBe(1)
  expect(`${stdout}${stderr}`).toContain("At most 4 image(s) may be provided in one prompt.")
  const [next = ""] = here.inputs()
  expect(requestsIn(next).length).toBe(1)
})

test("as long as there are no results the same file waits, and what is removed is asked anew", async () => {
  await using here = await place()
  expect((await here.run()).code).toBe(4)
  const [input = ""] = here.inputs()
  for (const content of [undefined, "", '{"id":"vllm-1","custom_']) {
    if (content !== undefined) writeFileSync(here.outputOf(input), content)
    const { code, stderr } = await here.run()
    expect(code).toBe(4)
    expect(stderr).toContain("run-batch")
    expect(here.inputs()).toEqual([input])
  }
  rmSync(here.outputOf(input))
  mkdirSync(here.outputOf(input))
  const odd = await here.run()
  expect(odd.code).toBe(1)
  expect(odd.stderr).toMatch(/is a folder/u)
  rmSync(here.outputOf(input), { recursive: true })
  rmSync(input)
  const anew = await here.run()
  expect(anew.code).toBe(4)
  expect(anew.stderr).toMatch(
    /has ended as removed without results for 2 of 2 requests: they are asked anew/u,
  )
  expect(here.inputs()).toHaveLength(1)
  expect(here.inputs()).not.toEqual([input])
})

test("a crash around the making of a file neither loses it nor makes a second one", async () => {
  await using here = await place()
  expect((await here.run()).code).toBe(4)
  const [input = ""] = here.inputs()
  const [record = ""] = here.batches()
  const { batch_id: _id, status: _status, ...known } = json(record)
  writeFileSync(record, JSON.stringify({ ...known, state: "creating" }))
  expect((await here.run()).code).toBe(4)
  expect(here.inputs()).toEqual([input])
  // Not yet moved to where the user has it.
  writeFileSync(record, JSON.stringify({ ...known, state: "creating" }))
  renameSync(input, join(record, "../input.jsonl"))
  expect((await here.run()).code).toBe(4)
  expect(here.inputs()).toHaveLength(1)
  expect(here.batches()).toHaveLength(1)
})

test("files of a size of one's own, and each has its command", async () => {
  await using here = await place()
  const { code, stdout } = await runCli([...here.flags, "--batch-file-requests", "1", "--json"])
  expect(code).toBe(4)
  const event: Json = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "")
  expect(event).toMatchObject({ event: "batches_under_way", batches: 2, requests: 2 })
  expect(event.commands).toHaveLength(2)
  const status = await runCli(["status", "--output-root", here.out, "--json"])
  expect(JSON.parse(status.stdout)).toMatchObject({ batches: { batches: 2, requests: 2 } })
})

test.each([
  [["--wait"], "--wait does not go with --batch-dir"],
  [["--batch"], "give either --batch or --batch-dir, not both"],
  [["--api-base", "http://localhost:1/v1"], "give either --batch-dir or --api-base, not both"],
  [["--protocol", "anthropic"], "--batch-dir is for vllm run-batch"],
  [["--stream"], "a batch is not streamed"],
])("--batch-dir with %p is wrong usage", async (more, message) => {
  await using here = await place()
  const { code, stderr } = await runCli([...here.flags, ...more])
  expect(code).toBe(2)
  expect(stderr).toContain(message)
})

test("--batch-dir wants to know the model", async () => {
  await using here = await place()
  const at = here.flags.indexOf("--model")
  const { code, stderr } = await runCli(here.flags.toSpliced(at, 2))
  expect(code).toBe(2)
  expect(stderr).toContain("--batch-dir needs the model that vllm run-batch is to load")
})
