import type { Copy } from "./copy.ts"
import { type Mutant, withEdit } from "./mutant.ts"
import { probeAround, probesOf } from "./probes.ts"
import type { ReachingTest } from "./reach.ts"
import type { ReachMap } from "./reach-map.ts"
import type { Compiler } from "./syntax.ts"
import { runTests, type TestRun } from "./test-run.ts"

/**
 * What became of a mutant. `killed`: a test failed. `hung`: a test did not end, which counts as killed. `unreached`: no
 * test runs the code. `stopped`: the tests for which there was time noticed nothing.
 */
export type Fate = "killed" | "hung" | "survived" | "stopped" | "unreached"

export interface Verdict {
  readonly mutant: Mutant
  readonly fate: Fate
  /** `file: name` of the test that failed. */
  readonly by?: string
  readonly seconds: number
}

/** Some of the tests of one file that reach a mutant: those that are run by one process. */
interface Selection {
  readonly file: string
  readonly tests: ReadonlyArray<ReachingTest>
  /** Of all of them, without a mutant. */
  readonly seconds: number
}

/** Seconds of tests in one process: a quick test need not wait for the slow ones of its file. */
const mostAtOnce = 10

/** The tests that reach a place, by test file and in portions, those first that take the least time. */
export const selections = (map: ReachMap, place: string): ReadonlyArray<Selection> =>
  Object.entries(map)
    .flatMap(([file, reach]) => {
      const number = reach.places.indexOf(place)
      return portions(reach.tests.filter(({ places }) => places.includes(number))).map((tests) => ({
        file,
        tests,
        seconds: tests.reduce((sum, { seconds }) => sum + seconds, 0),
      }))
    })
    .toSorted((a, b) => a.seconds - b.seconds)

/** Quick tests first, as many together as take no longer than `mostAtOnce`. */
const portions = (tests: ReadonlyArray<ReachingTest>): ReadonlyArray<ReadonlyArray<ReachingTest>> => {
  const found: Array<Array<ReachingTest>> = []
  let taken = 0
  for (const test of tests.toSorted((a, b) => a.seconds - b.seconds)) {
    const last = found.at(-1)
    taken += test.seconds
    if (last !== undefined && taken <= mostAtOnce) last.push(test)
    else {
      found.push([test])
      taken = test.seconds
    }
  }
  return found
}

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/]/gu, "\\$&")

/** How many times as long as without a mutant tests may take. */
const patience = 5

const flagsOf = ({ tests }: Selection, grace: number): ReadonlyArray<string> => {
  const longest = Math.max(...tests.map(({ seconds }) => seconds))
  const names = tests.map(({ name }) => escaped(name))
  return [
    "--bail",
    `--timeout=${Math.ceil((grace + longest * patience) * 1000)}`,
    `--test-name-pattern=^(?:${names.join("|")})$`,
  ]
}

export interface Judge {
  readonly map: ReachMap
  readonly compiler: Compiler
  /** Seconds that the tests of one mutant may take in all, by their usual times. */
  readonly budget: number
  /** Seconds that a test may take beyond a multiple of its usual time before it counts as hung. */
  readonly grace: number
  readonly say: (line: string) => void
  readonly signal: AbortSignal
}

/** Judges mutants one after the other in a copy of the project; the copy is as before afterwards. */
export const makeJudge = ({ map, compiler, budget, grace, say, signal }: Judge) => {
  /** Tests that were seen to pass alone, without a mutant. */
  const sound = new Set<string>()

  const run = (copy: Copy, selection: Selection): Promise<TestRun> => {
    const deadline = grace * 2 + selection.seconds * patience
    return runTests(copy, { file: selection.file, flags: flagsOf(selection, grace), deadline, signal })
  }

  /** Whether what failed passes without the mutant: only then does the failure tell anything. */
  const passesWithout = async (copy: Copy, selection: Selection, { outcome, failed }: TestRun) => {
    const name = `${selection.file}: ${failed ?? ""}`
    if (outcome === "failed" && sound.has(name)) return true
    const alone = selection.tests.filter((one) => one.name === failed?.replaceAll(" > ", " "))
    const tests = alone.length === 0 ? selection.tests : alone
    const { outcome: without } = await run(copy, { ...selection, tests })
    if (without === "passed") sound.add(name)
    return without === "passed"
  }

  /** Runs tests with the mutant; undefined if they pass, or fail without it, too. */
  const noticed = async (copy: Copy, mutant: Mutant, selection: Selection): Promise<TestRun | undefined> => {
    const text = copy.read(mutant.file)
    // A busy machine makes a test fail now and then.
    for (let tries = 0; tries < 2; tries++) {
      copy.write(mutant.file, withEdit(text, mutant))
      const result = await run(copy, selection).finally(() => copy.write(mutant.file, text))
      if (result.outcome === "passed") return undefined
      if (await passesWithout(copy, selection, result)) return result
      say(`${selection.file}: ${result.failed ?? "it"} ${result.outcome}, and fails without the mutant, too`)
    }
    return undefined
  }

  return async (mutant: Mutant, copy: Copy): Promise<Verdict> => {
    const started = performance.now()
    const verdict = (fate: Fate, by?: string): Verdict => ({
      mutant,
      fate,
      ...(by === undefined ? {} : { by }),
      seconds: Math.round((performance.now() - started) / 100) / 10,
    })
    const tree = await compiler.sourceFile(mutant.file)
    const probe = probeAround(probesOf(tree), mutant.start, mutant.end)
    const chosen = selections(map, `${mutant.file} ${probe}`)
    if (chosen.length === 0) return verdict("unreached")
    let usual = 0
    for (const selection of chosen) {
      usual += selection.seconds
      if (usual > budget) return verdict("stopped")
      const result = await noticed(copy, mutant, selection)
      if (result === undefined) continue
      const by = `${selection.file}: ${result.failed ?? (result.outcome === "hung" ? "did not end" : "as a whole")}`
      return verdict(result.outcome === "hung" ? "hung" : "killed", by)
    }
    return verdict("survived")
  }
}
