import { describe, expect, test } from "bun:test"
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as v from "valibot"
import { sizeLimit } from "../../../src/dataset/DatasetStore.ts"
import { layout } from "../../../src/dataset/layout.ts"
import type { Outcome } from "../../../src/dataset/run-summary.ts"
import { promptDigest } from "../../../src/dataset/store.ts"
import { finding, loadJson, loadMedia, traceFindings } from "../../../src/dataset/validate/finding.ts"
import { sha256 } from "../../../src/plan/fingerprint.ts"
import { runFolder } from "../../support/folders.ts"
import { runIn } from "../../support/in-root.ts"

/** What can stand where a file belongs, with what is told of it. */
const unreadable: ReadonlyArray<readonly [string, (path: string) => void, string]> = [
  ["nothing", () => undefined, "is missing"],
  ["a folder", (path) => mkdirSync(path), "is missing"],
  ["a link", (path) => symlinkSync("/dev/null", path), "is a link"],
]

describe("a file of JSON", () => {
  const schema = v.object({ steps: v.array(v.object({ id: v.number() })), name: v.string() })
  const load = (root: string) => runIn(root, loadJson("", "a.json", schema))
  const loadedFrom = (text: string) => {
    const root = runFolder()
    writeFileSync(join(root, "a.json"), text)
    return load(root)
  }

  test("is decoded", async () => {
    const value = { steps: [{ id: 1 }], name: "n" }
    expect(await loadedFrom(JSON.stringify(value))).toEqual({ value, findings: [] })
  })

  test.each(unreadable)("in whose place is %s is told, and nothing else", async (_what, make, says) => {
    const root = runFolder()
    make(join(root, "a.json"))
    const { findings, value } = await load(root)
    expect(value).toBeUndefined()
    expect(findings).toEqual([finding("a.json", expect.stringContaining(says))])
  })

  test("that does not parse, or has wrong values, is told with each of their places", async () => {
    expect(await loadedFrom("{")).toEqual({
      value: undefined,
      findings: [finding("a.json", "is not valid JSON")],
    })
    const { findings } = await loadedFrom('{"steps": [{"id": "1"}], "name": 7}')
    expect(findings).toEqual([
      finding("a.json", expect.stringMatching(/^steps\.0\.id: /u)),
      finding("a.json", expect.stringMatching(/^name: /u)),
    ])
    expect((await loadedFrom("7")).findings).toEqual([
      finding("a.json", expect.stringMatching(/^the whole file: /u)),
    ])
  })
})

describe("a picture", () => {
  const jpeg = Buffer.from("ffd8ffe00000ffd9", "hex")
  const load = (root: string) => runIn(root, loadMedia("", "a.jpg", "JPEG picture"))

  test.each<[string, Buffer, string | undefined]>([
    ["whole", jpeg, undefined],
    ["empty", Buffer.alloc(0), "is empty"],
    ["cut off", jpeg.subarray(0, -1), "is not a whole JPEG picture"],
  ])("that is %s", async (_what, bytes, says) => {
    const root = runFolder()
    writeFileSync(join(root, "a.jpg"), bytes)
    expect(await load(root)).toEqual({
      sha256: sha256(bytes),
      findings: says === undefined ? [] : [finding("a.jpg", says)],
    })
  })

  test.each(unreadable)("in whose place is %s", async (_what, make, says) => {
    const root = runFolder()
    make(join(root, "a.jpg"))
    expect(await load(root)).toEqual({
      sha256: undefined,
      findings: [finding("a.jpg", expect.stringContaining(says))],
    })
  })

  test("that is larger than any", async () => {
    const root = runFolder()
    writeFileSync(join(root, "a.jpg"), jpeg)
    truncateSync(join(root, "a.jpg"), sizeLimit.picture + 1)
    expect((await load(root)).findings).toEqual([finding("a.jpg", expect.stringContaining("256 MiB"))])
  })
})

describe("the trace of a call", () => {
  const files = layout.stage1.call
  const names = [files.systemPrompt, files.userPrompt, files.rawResponse] as const
  const recorded: Outcome = {
    status: "completed",
    attempts: 1,
    calls: [],
    warnings: [],
    wall_time_sec: 0,
    prompts_sha256: promptDigest("system", "user"),
    raw_response_sha256: sha256("reply"),
  }
  const trace = (...texts: ReadonlyArray<string>) => {
    const root = runFolder()
    mkdirSync(join(root, "stage1"))
    for (const [i, name] of names.entries()) writeFileSync(join(root, "stage1", name), texts[i] ?? "")
    return root
  }
  const told = (root: string, outcome: Outcome | undefined = recorded) =>
    runIn(root, traceFindings("", "stage1", files, outcome))
  const of = (name: string, message: unknown) => ({ file: `stage1/${name}`, message, severity: "error" })

  test("is what the summary says", async () => {
    expect(await told(trace("system", "user", "reply"))).toEqual([])
  })

  test("that is another one is told", async () => {
    const sent = of(files.userPrompt, "or the system prompt differs from what was sent (sha256)")
    const received = of(files.rawResponse, "differs from the reply that was received (sha256)")
    expect<unknown>(await told(trace("systems", "user", "reply"))).toEqual([sent])
    expect<unknown>(await told(trace("system", "users", "reply"))).toEqual([sent])
    expect<unknown>(await told(trace("system", "user", "replies"))).toEqual([received])
  })

  test("of which nothing is on record has to be there", async () => {
    const root = trace("systems", "user", "reply")
    expect(await runIn(root, traceFindings("", "stage1", files, undefined))).toEqual([])
  })

  test("that is blank or missing is told file by file, and not compared", async () => {
    expect<unknown>(await told(trace("", " \n", "replies"))).toEqual([
      of(files.systemPrompt, "is empty"),
      of(files.userPrompt, "is empty"),
    ])
    const root = runFolder()
    expect<unknown>(await told(root)).toEqual(names.map((name) => of(name, "is missing")))
    mkdirSync(join(root, "stage1"))
    symlinkSync("/dev/null", join(root, "stage1", files.userPrompt))
    expect<unknown>(await told(root)).toEqual([
      of(files.systemPrompt, "is missing"),
      of(files.userPrompt, expect.stringContaining("is a link")),
      of(files.rawResponse, "is missing"),
    ])
  })
})
