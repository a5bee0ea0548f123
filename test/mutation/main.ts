import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, relative, resolve } from "node:path"
import { parseArgs } from "node:util"
import equivalents from "./equivalents.json"
import { isAlive, keyOf, mutantText, reportLine, summary, survivorsIn } from "./report.ts"
import { isBelow, runMutants } from "./run.ts"
import type { Verdict } from "./verdict.ts"

const project = resolve(import.meta.dir, "../..")
const areas = ["src/plan", "src/model", "src/stages", "src/dataset", "src/output-root", "src/batch"]

const help = `Changes the program in one small place at a time and looks whether a test notices.

Usage: bun run mutants [options]

  --count N         how many mutants (default 300)
  --seed N          which ones: the same for the same seed and the same code (default 1)
  --only PATH       only mutants of this file or folder; may be repeated (default ${areas.join(", ")})
  --tests PATH      use only the tests of this file or folder; may be repeated (default test)
  --again FILE      only those that survived in this saved report
  --list            list the mutants and run nothing
  --jobs N          how many at a time, each in a copy of the project (default 2)
  --budget SECONDS  run only the quickest tests of a mutant, that take this long in all (default: no limit)
  --fresh           find out anew what each test reaches
  --json FILE       where each verdict goes as a line of JSON (default mutation-report/mutants.jsonl)
  --help            this text

The exit code is 1 when a mutant survives or an entry of test/mutation/equivalents.json is out of date.`

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "300" },
    seed: { type: "string", default: "1" },
    only: { type: "string", multiple: true },
    tests: { type: "string", multiple: true, default: [join(project, "test")] },
    again: { type: "string" },
    list: { type: "boolean", default: false },
    jobs: { type: "string", default: "2" },
    budget: { type: "string" },
    fresh: { type: "boolean", default: false },
    json: { type: "string", default: "mutation-report/mutants.jsonl" },
    help: { type: "boolean", default: false },
  },
})

const wholeNumber = (flag: string, text: string): number => {
  if (!/^\d+$/u.test(text)) throw new TypeError(`--${flag} takes a whole number, not ${text}`)
  return Number(text)
}

/** Aborts when the user or the system wants the run to end; a second signal ends the process as usual. */
const stopSignal = (): AbortSignal => {
  const stop = new AbortController()
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(name, () => stop.abort(new Error(`ended by ${name}`)))
  return stop.signal
}

const fromProject = (paths: ReadonlyArray<string>): ReadonlyArray<string> =>
  paths.map((path) => relative(project, resolve(path)))

/** The wanted test files, but for those of this tool. */
const testFiles = (wanted: ReadonlyArray<string>): ReadonlyArray<string> =>
  [...new Bun.Glob("test/**/*.test.ts").scanSync(project)]
    .filter((file) => isBelow(file, wanted) && !file.startsWith("test/mutation/"))
    .toSorted()

const say = (line: string): void => console.error(line)

/** Runs what the flags ask for and gives the exit code. */
const main = async (): Promise<number> => {
  const only = fromProject(values.only ?? areas.map((area) => join(project, area)))
  const probed = [...areas, ...only.filter((path) => !isBelow(path, areas))]
  const cache = join(project, `node_modules/.cache/mutants/reach-${Bun.hash(probed.join("\n"))}.json`)
  if (values.fresh) rmSync(cache, { force: true })
  const again = values.again === undefined ? undefined : survivorsIn(readFileSync(values.again, "utf8"))
  const report = resolve(values.json)
  const verdicts: Array<Verdict> = []
  const judged = (verdict: Verdict): void => {
    verdicts.push(verdict)
    appendFileSync(report, `${reportLine(verdict)}\n`)
    const { mutant, fate, seconds, by = "" } = verdict
    say(
      `${String(verdicts.length).padStart(4)} ${fate.padEnd(9)} ${mutant.file}:${mutant.line} ${seconds} s ${by}`,
    )
  }
  if (!values.list) {
    mkdirSync(dirname(report), { recursive: true })
    writeFileSync(report, "")
  }
  const choice = await runMutants(
    {
      project,
      only,
      probed,
      testFiles: testFiles(fromProject(values.tests)),
      count: wholeNumber("count", values.count),
      seed: wholeNumber("seed", values.seed),
      jobs: wholeNumber("jobs", values.jobs),
      budget: values.budget === undefined ? Number.POSITIVE_INFINITY : wholeNumber("budget", values.budget),
      grace: 30,
      equivalents,
      wanted: (mutant) => again?.has(keyOf(mutant)) ?? true,
      cache,
      temporary: tmpdir(),
      say,
      signal: stopSignal(),
    },
    values.list ? undefined : judged,
  ).catch((error: unknown) => {
    if (verdicts.length > 0) console.log(summary(verdicts, 0))
    throw error
  })
  const listed = values.list ? choice.mutants.map(mutantText) : [summary(verdicts, choice.equivalent.length)]
  console.log(listed.join("\n\n"))
  say(`${choice.possible} mutants are possible; the compiler rejected ${choice.invalid} on the way.`)
  for (const { file, before } of choice.stale)
    say(`equivalents.json: ${file} has no such mutant any more: ${before}`)
  return verdicts.some(({ fate }) => isAlive(fate)) || choice.stale.length > 0 ? 1 : 0
}

if (values.help) console.log(help)
else
  process.exitCode = await main().catch((error: unknown) => {
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`)
    return 2
  })
process.exit()
