import { expect, test } from "bun:test"
import { existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs"
import { mkdir, rm, writeFile } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { InputFile, lineBytes } from "../../../src/model/batch-api/input-file.ts"
import { openAiLines } from "../../../src/model/batch-api/openai/lines.ts"
import {
  type BatchedRequest,
  noteUsed,
  readBatches,
  underWayIn,
  writeState,
} from "../../../src/model/batch-api/record.ts"
import { longestLine, readResult, resultsIn } from "../../../src/model/batch-api/results.ts"
import type { LazyBody } from "../../../src/model/protocols/lazy-body.ts"
import { temporaryFolder } from "../../support/folders.ts"

const head = { service: "http://localhost/v1", model: "m", url: "/v1/chat/completions" }

const request = (custom_id: string): BatchedRequest => ({
  custom_id,
  video_id: "cup",
  stage: 3,
  step: 2,
  attempt: 1,
  prompt_tokens: 10,
  completion_tokens: 5,
})

const bodyOf = (text: string, breaksOff = false): LazyBody => ({
  length: text.length,
  async *stream() {
    yield Buffer.from(text.slice(0, 3))
    if (breaksOff) throw new Error("the picture changed")
    yield Buffer.from(text.slice(3))
  },
})

test("a file of requests has their bytes to the byte, and nothing of one that broke off half-way", async () => {
  await using folder = await temporaryFolder()
  const file = await InputFile.begin(folder.path, head, openAiLines)
  const [one, two] = [
    { request: request("a"), body: bodyOf('{"n":1}') },
    { request: request("b"), body: bodyOf('{"n":22}') },
  ]
  await file.add(one)
  await expect(file.add({ request: request("x"), body: bodyOf('{"n":333}', true) })).rejects.toThrow(
    "changed",
  )
  await file.add(two)
  const bytes = lineBytes(one, head, openAiLines) + lineBytes(two, head, openAiLines)
  const limits = { maxBytes: bytes + 5, maxRequests: 3 }
  expect([
    file.hasRoom(5, limits),
    file.hasRoom(6, limits),
    file.hasRoom(5, { ...limits, maxRequests: 2 }),
  ]).toEqual([true, false, false])
  const { state } = await file.finish()
  const written = readFileSync(join(file.folder, "input.jsonl"))
  expect(written.length).toBe(bytes)
  expect(state.input_bytes).toBe(bytes)
  expect(state.input_sha256).toBe(new Bun.CryptoHasher("sha256").update(written).digest("hex"))
  expect(
    written
      .toString()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toEqual([
    { custom_id: "a", method: "POST", url: head.url, body: { n: 1 } },
    { custom_id: "b", method: "POST", url: head.url, body: { n: 22 } },
  ])
  await noteUsed(file.folder, "a")
  const begun = { ...state, state: "under_way", batch_id: "batch-1" } as const
  await writeState(file.folder, begun)
  expect(await underWayIn(folder.path)).toEqual({ batches: 1, requests: 2 })
  expect(await readBatches(folder.path)).toEqual([
    { folder: file.folder, state: begun, requests: [one.request, two.request], used: new Set(["a"]) },
  ])
})

test("what was never finished is removed, and nothing that is not ours", async () => {
  await using folder = await temporaryFolder()
  const begun = join(folder.path, "20260101T000000Z-aaaaaaaa")
  await mkdir(begun)
  await writeFile(join(begun, "input.jsonl"), "{}")
  const others = ["notes", "20260101T000000Z-zzzzzzzz"]
  for (const name of others) await mkdir(join(folder.path, name))
  const linked = "20260101T000000Z-00000000"
  symlinkSync(join(folder.path, "notes"), join(folder.path, linked))
  expect(await readBatches(folder.path)).toEqual([])
  expect(readdirSync(folder.path).toSorted()).toEqual([linked, ...others].toSorted())
  expect(existsSync(begun)).toBe(false)
})

test("what was written and not submitted is removed, but for what somebody else has put there", async () => {
  await using folder = await temporaryFolder()
  const file = await InputFile.begin(folder.path, head, openAiLines)
  await file.add({ request: request("a"), body: bodyOf('{"n":1}') })
  await file.finish()
  await writeFile(join(file.folder, "notes.txt"), "mine")
  await mkdir(join(file.folder, "output.jsonl"))
  const unfinished = join(folder.path, "20260101T000000Z-aaaaaaaa")
  await mkdir(unfinished)
  await writeFile(join(unfinished, "thesis.txt"), "mine, too")
  expect(await readBatches(folder.path)).toEqual([])
  expect(readdirSync(folder.path, { recursive: true }).map(String).toSorted()).toEqual(
    [
      "20260101T000000Z-aaaaaaaa",
      "20260101T000000Z-aaaaaaaa/thesis.txt",
      ...["", "/notes.txt", "/output.jsonl"].map((name) => `${basename(file.folder)}${name}`),
    ].toSorted(),
  )
})

test("a link on the way to batches, or in the place of one of their files, is not followed", async () => {
  await using folder = await temporaryFolder()
  const elsewhere = join(folder.path, "elsewhere")
  const begun = join(elsewhere, "20260101T000000Z-aaaaaaaa")
  await mkdir(begun, { recursive: true })
  await writeFile(join(begun, "input.jsonl"), "{}")
  symlinkSync(elsewhere, join(folder.path, ".batch"))
  await mkdir(join(elsewhere, "api"))
  for (const root of [join(folder.path, ".batch/api"), join(folder.path, "x/.batch")]) {
    if (!existsSync(dirname(root))) await mkdir(dirname(root))
    if (root.endsWith("x/.batch")) symlinkSync(elsewhere, root)
    await expect(readBatches(root)).rejects.toThrow(/is a link, and links are not followed here/u)
    expect(await underWayIn(root)).toEqual({ batches: 0, requests: 0 })
  }
  expect(existsSync(begun)).toBe(true)
  const file = await InputFile.begin(join(folder.path, "own/api"), head, openAiLines)
  symlinkSync("/dev/zero", join(file.folder, "output.jsonl"))
  await expect(Array.fromAsync(resultsIn(join(file.folder, "output.jsonl"), openAiLines))).rejects.toThrow(
    "is a link",
  )
  await file.drop()
})

test("a list of requests that is not whole is damage, for what is not known to be under way would be asked for again", async () => {
  await using folder = await temporaryFolder()
  const file = await InputFile.begin(folder.path, head, openAiLines)
  for (const id of ["a", "b"]) await file.add({ request: request(id), body: bodyOf('{"n":1}') })
  const { state } = await file.finish()
  await writeState(file.folder, { ...state, state: "under_way", batch_id: "batch-1" })
  const list = join(file.folder, "requests.jsonl")
  await writeFile(list, readFileSync(list, "utf8").slice(0, -20))
  await expect(readBatches(folder.path)).rejects.toThrow(/requests\.jsonl is damaged.*remove .* to ask anew/u)
})

test("a damaged state is said, with the way out", async () => {
  await using folder = await temporaryFolder()
  const file = await InputFile.begin(folder.path, head, openAiLines)
  await file.finish()
  await writeFile(join(file.folder, "batch.json"), '{"state":')
  await expect(readBatches(folder.path)).rejects.toThrow(/batch\.json is damaged.*remove .* to ask anew/u)
})

test("results are found whatever stands around them, and read again where they stand", async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, "output.jsonl")
  const line = (id: string, value: object) => JSON.stringify({ id: "r", custom_id: id, ...value })
  const answer = (id: string) =>
    line(id, { response: { status_code: 200, body: { text: "ä".repeat(70_000) } }, error: null })
  const lines = [
    answer("a"),
    "not json",
    "",
    line("expired", { response: null, error: { code: "batch_expired", message: "late" } }),
    line("cancelled", { error: { code: "batch_cancelled", message: "" } }),
    line("empty", { response: null, error: null }),
    line("odd", { response: null, error: { code: "server_error", message: "sorry" } }),
    `"${"x".repeat(longestLine)}"`,
    answer("b"),
  ]
  // The last line has no end.
  await writeFile(path, lines.join("\n"))
  const found = await Array.fromAsync(resultsIn(path, openAiLines))
  expect(found.map(({ id, result }) => `${id} ${result.type}`)).toEqual([
    ...["a answer", "expired unbegun", "cancelled unbegun", "odd fault", "b answer"],
  ])
  for (const one of found) expect(await readResult(one, openAiLines)).toEqual(one.result)
  const [first, ...others] = found
  // What stands elsewhere, or is another's, is not it.
  for (const { at } of others)
    expect(await readResult({ at, id: first?.id ?? "" }, openAiLines)).toBeUndefined()
  await rm(path)
  for (const one of found) expect(await readResult(one, openAiLines)).toBeUndefined()
  expect(await Array.fromAsync(resultsIn(join(folder.path, "none"), openAiLines))).toEqual([])
})
