import { expect, test } from "bun:test"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { runFolder } from "../support/folders.ts"
import { filesBelow } from "../support/run-cli.ts"
import { candidates } from "./candidates.ts"
import { readHits } from "./reach.ts"
import { keyOf, reportLine, summary, survivorsIn } from "./report.ts"
import { type Choice, type Plan, runMutants } from "./run.ts"
import { openCompiler } from "./syntax.ts"
import { selections, type Verdict } from "./verdict.ts"

const configuration = {
  compilerOptions: {
    strict: true,
    noEmit: true,
    target: "ESNext",
    module: "Preserve",
    allowImportingTsExtensions: true,
    types: [],
  },
  include: ["src"],
}

/** A small program, and tests of it that leave holes. */
const sample = {
  "tsconfig.json": JSON.stringify(configuration),
  "src/price.ts": `import type { Price } from "./types.ts"

/** What is to be paid: 🧾 */
export const total = (prices: ReadonlyArray<Price>): number =>
  prices.reduce((sum, { amount }) => sum + amount, 0)
export const isBulk = (count: number): boolean => count >= 10
export const forgotten = (count: number): number => count * 3
export const countdown = (from: number): number => {
  let left = from
  while (left !== 0) left -= 1
  return left
}
`,
  "src/types.ts": "export interface Price {\n  readonly amount: number\n}\n",
  "src/greet.ts": `const name = Math.max(1, 2) > 1 ? "you" : "nobody"
const greet = (): string => ["hello", name].join("-")
process.stdout.write(greet())
export {}
`,
  "src/process.d.ts": "declare const process: { readonly stdout: { write(text: string): void } }\n",
  "test/price.test.ts": `import { describe, expect, test } from "bun:test"
import { countdown, isBulk, total } from "../src/price.ts"

describe("a bill (of things)", () => {
  test("is the sum of its prices", () => expect(total([{ amount: 1 }, { amount: 2 }])).toBe(3))
  test("with many things is bulk", () => expect(isBulk(11)).toBe(true))
  test("with few things is not", () => expect(isBulk(1)).toBe(false))
})
test("a countdown ends at nothing", () => expect(countdown(3)).toBe(0))
`,
  "test/greet.test.ts": `import { expect, test } from "bun:test"

test("the program greets", () => {
  const { stdout } = Bun.spawnSync([process.execPath, import.meta.dir + "/../src/greet.ts"])
  expect(stdout.toString()).toBe("hello-you")
})
`,
  "test/broken.test.ts": `import { expect, test } from "bun:test"
import { forgotten, isBulk } from "../src/price.ts"

let before = 0
test("prepares", () => void (before = 1))
test("fails always", () => expect(forgotten(1)).toBe(4))
test("needs the one before", () => expect(isBulk(1) || before === 1).toBe(true))
`,
} as const

const makeSample = (): string => {
  const folder = runFolder()
  for (const [file, text] of Object.entries(sample)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  return folder
}

const planOf = (project: string, changes: Partial<Plan> = {}): Plan => ({
  project,
  only: ["src"],
  probed: ["src"],
  testFiles: ["test/broken.test.ts", "test/greet.test.ts", "test/price.test.ts"],
  count: 1000,
  seed: 1,
  jobs: 2,
  budget: 1000,
  grace: 2,
  equivalents: [],
  wanted: () => true,
  cache: join(runFolder(), "reach.json"),
  temporary: runFolder(),
  say: () => {},
  signal: new AbortController().signal,
  ...changes,
})

const judged = async (plan: Plan): Promise<{ choice: Choice; verdicts: ReadonlyArray<Verdict> }> => {
  const verdicts: Array<Verdict> = []
  const choice = await runMutants(plan, (verdict) => void verdicts.push(verdict))
  return { choice, verdicts }
}

/** Each changed line with what became of it. */
const fates = (verdicts: ReadonlyArray<Verdict>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    verdicts.map(({ mutant, fate, by = "" }) => [mutant.after, `${fate} ${by.split(": ")[0] ?? ""}`.trim()]),
  )

test("each mutant of a small program has the fate that its tests deserve, and the project stays as it is", async () => {
  const project = makeSample()
  const files = filesBelow(project)
  const said: Array<string> = []
  const plan = planOf(project, { say: (line) => void said.push(line) })
  const { choice, verdicts } = await judged(plan)
  const noticed = "killed test/price.test.ts"
  const seen = "killed test/greet.test.ts"
  expect(fates(verdicts)).toEqual({
    "prices.reduce((sum, { amount }) => sum - amount, 0)": noticed,
    "prices.reduce((sum, { amount }) => sum + amount, 1)": noticed,
    "export const isBulk = (count: number): boolean => count > 10": "survived",
    "export const isBulk = (count: number): boolean => count >= 11": "survived",
    "export const forgotten = (count: number): number => count / 3": "unreached",
    "export const forgotten = (count: number): number => count * 4": "unreached",
    "export const forgotten = (count: number): number => count * 1": "unreached",
    "while (left === 0) left -= 1": noticed,
    "while (!(left !== 0)) left -= 1": noticed,
    "while (left !== 1) left -= 1": noticed,
    "while (left !== 0) left += 1": "hung test/price.test.ts",
    "while (left !== 0) left -= 2": "hung test/price.test.ts",
    "while (left !== 0) ;": "hung test/price.test.ts",
    'const name = Math.min(1, 2) > 1 ? "you" : "nobody"': seen,
    'const name = Math.max(2, 2) > 1 ? "you" : "nobody"': "survived",
    'const name = Math.max(1, 3) > 1 ? "you" : "nobody"': "survived",
    'const name = Math.max(1, 2) >= 1 ? "you" : "nobody"': "survived",
    'const name = Math.max(1, 2) > 2 ? "you" : "nobody"': seen,
    'const name = Math.max(1, 2) > 1 ? ("nobody") : ("you")': seen,
    'const name = Math.max(1, 2) > 1 ? "" : "nobody"': seen,
    'const name = Math.max(1, 2) > 1 ? "you" : ""': "survived",
    'const greet = (): string => ["", name].join("-")': seen,
    'const greet = (): string => ["hello", name].join("")': seen,
    ";": seen,
  })
  expect(choice.invalid).toBe(0)
  expect(said.filter((line) => line.startsWith("test/broken"))).toEqual([
    "test/broken.test.ts: left out, it fails without any mutant: fails always",
    // It needs the test before it, so it fails when it runs alone: twice for each mutant of the line that it reaches.
    ...Array.from(
      { length: 4 },
      () => "test/broken.test.ts: needs the one before failed, and fails without the mutant, too",
    ),
  ])
  expect(filesBelow(project)).toEqual(files)
  expect(readdirSync(plan.temporary)).toEqual([])
}, 120_000)

test("a place counts for the test that reaches it, and for all tests when it is reached outside of them", () => {
  const hits = ["a 0", "test", "a 1", "end", "a 2", "test", "worker a 3", "a 4", "end", ""].join("\n")
  const { always, byTest } = readHits(hits)
  expect([...always]).toEqual(["a 0", "a 2", "a 3"])
  expect(byTest.map((places) => [...places])).toEqual([["a 1"], ["a 4"]])
})

/** The mutants of each of these lines, as the changed lines. */
const mutantsOf = async (lines: ReadonlyArray<string>): Promise<ReadonlyArray<ReadonlyArray<string>>> => {
  const project = makeSample()
  writeFileSync(join(project, "src/price.ts"), lines.join("\n"))
  await using compiler = await openCompiler(project)
  const found = candidates("src/price.ts", await compiler.sourceFile("src/price.ts"))
  return lines.map((_, index) => found.filter(({ line }) => line === index + 1).map(({ after }) => after))
}

test("operators change what a line does", async () => {
  const cases: Readonly<Record<string, ReadonlyArray<string>>> = {
    "const c1 = a <= b": ["const c1 = a < b"],
    "const c2 = a && b": ["const c2 = a || b"],
    "const c3 = a ?? b": ["const c3 = a", "const c3 = b"],
    "const c4 = !a": ["const c4 = a"],
    "const c5 = true": ["const c5 = false"],
    "const c6 = 1_000 / a": ["const c6 = 1001 / a", "const c6 = 1 / a", "const c6 = 1_000 * a"],
    "const b6 = 60_000": ["const b6 = 120000"],
    "const c7 = [0x10, 2n]": ["const c7 = [17, 2n]", "const c7 = [0x10, 3n]"],
    "const c8 = [...a, b]": ["const c8 = [...[], b]"],
    "const c9 = { ...a, b }": ["const c9 = { ...{}, b }"],
    "const d1 = a.slice(1, b)": ["const d1 = a.slice(2, b)", "const d1 = a.slice(1)"],
    "const d2 = a.slice(b)": ["const d2 = a.slice()"],
    "const d3 = a.filter(f)": ["const d3 = a"],
    "const d4 = a.some(f)": ["const d4 = a.every(f)"],
    "const d5 = Math.floor(a)": ["const d5 = Math.ceil(a)"],
    'const d6 = a ? "b" : c': ['const d6 = a ? "" : c', 'const d6 = a ? (c) : ("b")'],
    "const d7 = `a-b`": ['const d7 = ""'],
    "if (!a) b()": ["if (a) b()", "if (!a) ;"],
    "function* e1() { while (a) yield* b() }": [
      "function* e1() { while (!(a)) yield* b() }",
      "function* e1() { while (a) ; }",
    ],
    "if (a) throw b": [";", "if (!(a)) throw b", "if (a) ;"],
    "x = a += b": [";", "x = a -= b"],
  }
  expect(await mutantsOf(Object.keys(cases))).toEqual(Object.values(cases))
})

test("types, imports, names and prose are left alone", async () => {
  const counted = (word: string): string => `const counted = \`\${${word}} of it\``
  const lines = [
    'import { a } from "./types.ts"',
    "type Two = 1 | 2 | true",
    "interface Three { readonly three: 3 }",
    'class Refused extends Data.TaggedError("Refused") {}',
    'const run = Effect.fn("Model.run")(f)',
    'const plain = "Say this to a reader." as const',
    counted("n === 1 ? `step` : 'steps'"),
    'const keyed = { "content-type": f }',
    "const pattern = /a{1,2}/u",
  ]
  const expected = lines
    .map((): ReadonlyArray<string> => [])
    .with(6, [
      counted("n !== 1 ? `step` : 'steps'"),
      counted("n === 2 ? `step` : 'steps'"),
      counted("n === 1 ? ('steps') : (`step`)"),
    ])
  expect(await mutantsOf(lines)).toEqual(expected)
})

test("quick tests are run first, and those of one file in portions", () => {
  const place = "src/a.ts 1"
  const reach = (...seconds: ReadonlyArray<number>) => ({
    inputs: {},
    failing: [],
    places: [place],
    tests: seconds.map((taken) => ({ name: `takes ${taken}`, seconds: taken, places: [0] })),
  })
  const elsewhere = { ...reach(1), places: ["src/a.ts 2"] }
  const map = { "slow.test.ts": reach(30, 1, 6, 4), "quick.test.ts": reach(2), "other.test.ts": elsewhere }
  const chosen = selections(map, place)
  expect(chosen.map(({ file, tests }) => [file, ...tests.map(({ seconds }) => seconds)])).toEqual([
    ["quick.test.ts", 2],
    ["slow.test.ts", 1, 4],
    ["slow.test.ts", 6],
    ["slow.test.ts", 30],
  ])
})

test("the same seed chooses the same mutants, in the same order", async () => {
  const project = makeSample()
  const chosen = async (seed: number) =>
    (await runMutants(planOf(project, { seed, count: 6 }))).mutants.map(({ after }) => after)
  const first = await chosen(7)
  expect(first).toHaveLength(6)
  expect(await chosen(7)).toEqual(first)
  expect(await chosen(8)).not.toEqual(first)
})

test("a mutant that does not compile is not counted, and one known to change nothing is not run", async () => {
  const project = makeSample()
  writeFileSync(
    join(project, "src/price.ts"),
    'export const side: "left" | "right" = "left"\nexport const a = 1\n',
  )
  const known = {
    file: "src/price.ts",
    before: "export const a = 1",
    after: "export const a = 2",
    reason: "",
  }
  const stale = { ...known, before: "export const a = 0" }
  const plan = planOf(project, { only: ["src/price.ts"], equivalents: [known, stale] })
  const { choice, verdicts } = await judged(plan)
  expect(choice).toMatchObject({ possible: 2, invalid: 1, mutants: [], stale: [stale] })
  expect(choice.equivalent.map(({ after }) => after)).toEqual(["export const a = 2"])
  expect(verdicts).toEqual([])
})

test("what tests reach is kept until the test or the code that it reaches is changed", async () => {
  const project = makeSample()
  const said: Array<string> = []
  const plan = planOf(project, { only: ["src/greet.ts"], count: 1, say: (line) => void said.push(line) })
  const looks = async () => {
    said.length = 0
    await judged(plan)
    return said.find((line) => line.startsWith("looking"))
  }
  const append = (file: string) =>
    writeFileSync(join(project, file), `${readFileSync(join(project, file), "utf8")}\n// changed\n`)
  expect(await looks()).toBe("looking what 3 of 3 test files reach ...")
  expect(await looks()).toBeUndefined()
  append("test/broken.test.ts")
  expect(await looks()).toBe("looking what 1 of 3 test files reach ...")
  append("src/greet.ts")
  expect(await looks()).toBe("looking what 1 of 3 test files reach ...")
  append("src/price.ts")
  expect(await looks()).toBe("looking what 2 of 3 test files reach ...")
})

test("a run that is ended leaves neither copies nor processes", async () => {
  const stop = new AbortController()
  const project = makeSample()
  const loop =
    'import { test } from "bun:test"\ntest("never ends", () => { while (true) Bun.sleepSync(10) })\n'
  writeFileSync(join(project, "test/price.test.ts"), loop)
  const say = (line: string): void => {
    if (line.startsWith("looking")) setTimeout(() => stop.abort(new Error("enough")), 500)
  }
  const plan = planOf(project, { say, signal: stop.signal })
  const ended = await judged(plan).catch((error: unknown) => error)
  expect(String(ended)).toContain("enough")
  expect(readdirSync(plan.temporary)).toEqual([])
  const running = Bun.spawnSync(["ps", "-A", "-o", "args="]).stdout.toString()
  expect(running).not.toContain("./test/price.test.ts")
})

test("a report tells by folder how many were killed, and its survivors are found again", async () => {
  const mutant = { file: "src/a/b.ts", line: 1, operator: "number", start: 0, end: 1, text: "2" }
  const killed: Verdict = { mutant: { ...mutant, before: "1", after: "2" }, fate: "killed", seconds: 1 }
  const alive: Verdict = { mutant: { ...mutant, before: "3", after: "4" }, fate: "survived", seconds: 1 }
  const hung: Verdict = {
    mutant: { ...mutant, file: "src/c.ts", before: "5", after: "6" },
    fate: "hung",
    seconds: 1,
  }
  const saved = [killed, alive, hung].map(reportLine).join("\n")
  expect([...survivorsIn(saved)]).toEqual([keyOf(alive.mutant)])
  expect(summary([killed, alive, hung], 1).split("\n")).toEqual([
    "survived: src/a/b.ts:1 (number)",
    "  - 3",
    "  + 4",
    "",
    "folder                     mutants    killed      hung  survived   stopped unreached  killed %",
    "src                              1         0         1         0         0         0   100.0 %",
    "src/a                            2         1         0         1         0         0    50.0 %",
    "all                              3         1         1         1         0         0    66.7 %",
    "1 more are known to change nothing (equivalents.json).",
  ])
})
