import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { commandHelp, flagsOf } from "../../src/cli/help.ts"
import { jsonLineSchema } from "../../src/cli/progress/json.ts"
import { replyRecordSchema } from "../../src/dataset/call-record.ts"
import { frameManifestSchema, stepMetaSchema, stepSegmentsSchema } from "../../src/dataset/records.ts"
import { runSummarySchema } from "../../src/dataset/run-summary.ts"
import type { FailureReason } from "../../src/events.ts"
import type { ProblemCode } from "../../src/plan/problem.ts"
import { commandLineFile, commandLinePage } from "./command-line.ts"
import { pages, read, root } from "./pages.ts"

const codeIn = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(/`([^`\n]+)`/gu)].map((match) => match[1] ?? "")

test("the page of the command line is what the flags say: `bun run docs` makes it", async () => {
  expect(await read(commandLineFile)).toBe(commandLinePage())
})

test("the page of the command line names every variable of the environment that the program reads", async () => {
  const source = readFileSync(join(root, "src/cli/environment.ts"), "utf8")
  const variables = new Set(source.match(/\b[A-Z]{3,}_?[A-Z_]+(?=:)/gu))
  const named = new Set(codeIn(await read(commandLineFile)))
  expect(variables.size).toBeGreaterThan(8)
  expect([...variables].filter((name) => !named.has(name))).toEqual([])
})

test("every event has a row with all its fields", async () => {
  const rows = new Map(
    [...(await read("docs/reference/events.md")).matchAll(/^\| `(\w+)` \| (.+) \|$/gmu)].map(
      ([, name = "", fields = ""]) => [name, codeIn(fields)],
    ),
  )
  for (const { entries } of jsonLineSchema.options) {
    const { time, event, ...fields } = entries
    expect(time).toBeDefined()
    const told = rows.get(event.literal) ?? []
    expect([event.literal, Object.keys(fields).filter((field) => !told.includes(field))]).toEqual([
      event.literal,
      [],
    ])
  }
})

/** The names of all fields of a schema, those of objects and lists within it too. */
const fieldsOf = (schema: unknown): ReadonlyArray<string> => {
  const { entries, item, wrapped, pipe, value } = Object(schema)
  const own = Object.entries(Object(entries)).flatMap(([name, field]) => [name, ...fieldsOf(field)])
  const within = [
    item,
    wrapped,
    value,
    ...(Array.isArray(pipe) ? pipe.slice(0, 1).filter((first) => first !== schema) : []),
  ]
  return [...own, ...within.filter((part) => typeof part === "object" && part !== null).flatMap(fieldsOf)]
}

test.each([
  ["frame_manifest.json", frameManifestSchema],
  ["step_segments.json", stepSegmentsSchema],
  ["step_meta.json", stepMetaSchema],
  ["run_summary.json", runSummarySchema],
  ["*.call.json", replyRecordSchema],
])("the reference of the dataset names every field of %s", async (_file, schema) => {
  const named = new Set(codeIn(await read("docs/reference/dataset.md")).flatMap((code) => code.split(/\W+/u)))
  const fields = fieldsOf(schema)
  expect(fields.length).toBeGreaterThan(8)
  expect([...new Set(fields)].filter((field) => !named.has(field))).toEqual([])
})

// The compiler sees to it that the lists are whole.
const reasons: Readonly<Record<FailureReason, true>> = {
  NotReadable: true,
  SourceReplaced: true,
  NotAVideo: true,
  NoVideoStream: true,
  NoFrames: true,
  TooFewFrames: true,
  DecodeFailed: true,
  CutFailed: true,
  Unsupported: true,
  BackendUnavailable: true,
  WorkerFailed: true,
  Unreadable: true,
  Unwritable: true,
  ForeignFolder: true,
  FingerprintMismatch: true,
  MissingStage: true,
  RehearsalOverReal: true,
  LockLost: true,
  NotPlain: true,
  BadName: true,
  EditInvalid: true,
  Throttled: true,
  Transient: true,
  Rejected: true,
  Refused: true,
  Truncated: true,
  ContextFull: true,
  ImageUnreadable: true,
  BudgetSpent: true,
  NotRecorded: true,
  Deferred: true,
  AnswerRejected: true,
  Locked: true,
  PromptInvalid: true,
  FolderInvalid: true,
  Defect: true,
}

const codes: Readonly<Record<ProblemCode, true>> = {
  not_json: true,
  too_large: true,
  truncated: true,
  unknown_key: true,
  missing: true,
  wrong_type: true,
  empty: true,
  not_a_token: true,
  placeholder_text: true,
  frame_reference: true,
  time_reference: true,
  forbidden_key: true,
  step_count: true,
  step_id_order: true,
  duplicate_goal: true,
  unlisted_goal: true,
  missing_goal: true,
  repeated_goal: true,
  step_set: true,
  index_range: true,
  empty_range: true,
  overlap: true,
  same_timestamp: true,
  too_short: true,
  changed_step: true,
  keyframe_count: true,
  keyframe_order: true,
  chain_mismatch: true,
  agent_missing: true,
  patient_missing: true,
  what_if: true,
  long_goal: true,
  normalised: true,
  more_problems: true,
  bad_patch: true,
}

test("every reason for a failure and every code of a problem is explained", async () => {
  const rows = (await read("docs/reference/errors.md")).split("\n").filter((line) => line.startsWith("| `"))
  const explained = new Set(rows.flatMap((line) => codeIn(line.split(" | ")[0] ?? "")))
  expect([...Object.keys(reasons), ...Object.keys(codes)].filter((word) => !explained.has(word))).toEqual([])
  expect([...explained].filter((word) => !(word in reasons) && !(word in codes))).toEqual([])
})

/** Flags of programs that are not commands: those of the development scripts, and of `ffmpeg`. */
const otherFlags = async (): Promise<ReadonlySet<string>> => {
  const folders = ["bench", "test/mutation", "test/campaign"]
  const sources = folders.flatMap((folder) => [...new Bun.Glob(`${folder}/**/*.ts`).scanSync(root)])
  const texts = await Promise.all(sources.map(read))
  const options = texts.flatMap((text) =>
    [...text.matchAll(/"?([\w-]+)"?: \{ type: "(?:string|boolean)"/gu)].map((match) => match[1] ?? ""),
  )
  const ofOthers = ["help", "yes", "timeout", "enable-gpl", "enable-version3"]
  // What stands for a flag: `--stageN-retries`, `--flag VALUE`.
  return new Set([...ofOthers, "flag", "stage", ...options])
}

test("the documentation names no flag that does not exist", async () => {
  const known = new Set(
    Object.keys(commandHelp).flatMap((command) =>
      flagsOf(command).flatMap(({ name, alias }) => (alias === undefined ? [name] : [name, alias])),
    ),
  )
  const others = await otherFlags()
  const unknown: Array<string> = []
  for (const page of pages) {
    const text = await read(page)
    // A changelog tells of what was.
    if (page === "CHANGELOG.md") continue
    for (const [, name = ""] of text.matchAll(/(?<![\w-])--([a-z][a-z\d-]*)/gu))
      if (!known.has(name) && !others.has(name)) unknown.push(`${page}: --${name}`)
  }
  expect(unknown).toEqual([])
})

test("the help of every command names the command", () => {
  for (const [name, { usage }] of Object.entries(commandHelp)) expect(usage).toStartWith(`bun run ${name}`)
})

test("comments in the code cite documents that are there", async () => {
  const sources = [...new Bun.Glob("{src,workers,bench,test,examples}/**/*.ts").scanSync(root)]
  const cited = await Promise.all(
    sources.map(async (file) =>
      [...(await read(file)).matchAll(/\b(?:docs\/[\w./-]+|[A-Z]{3,})\.md\b/gu)].map(
        ([name]) => `${file}: ${name}`,
      ),
    ),
  )
  const missing = cited.flat().filter((line) => !pages.includes(line.replace(/^.*: /u, "")))
  expect(missing).toEqual([])
})
