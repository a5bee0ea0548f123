import { chmodSync, mkdtempSync, realpathSync, rmSync } from "node:fs"
import { join } from "node:path"
import { shuffled } from "../support/random.ts"
import { candidates } from "./candidates.ts"
import { makeCopy } from "./copy.ts"
import { type Equivalent, isEquivalent, staleEquivalents } from "./equivalents.ts"
import { eachInTurn } from "./in-turn.ts"
import { type Mutant, withEdit } from "./mutant.ts"
import { makeReachMap } from "./reach-map.ts"
import { type Compiler, openCompiler } from "./syntax.ts"
import { makeJudge, type Verdict } from "./verdict.ts"

export interface Plan {
  /** The project's folder. It is read, never changed, but for `cache`. */
  readonly project: string
  /** Files or folders whose code is changed, from the project's folder. */
  readonly only: ReadonlyArray<string>
  /** Files or folders of which it is found out which tests reach them: `only` and more. */
  readonly probed: ReadonlyArray<string>
  /** From the project's folder. */
  readonly testFiles: ReadonlyArray<string>
  readonly count: number
  readonly seed: number
  /** How many mutants are tried at a time, each in a copy of its own. */
  readonly jobs: number
  /** Seconds that the tests of one mutant may take in all, by their usual times. */
  readonly budget: number
  /** Seconds that a test may take beyond a multiple of its usual time before it counts as hung. */
  readonly grace: number
  readonly equivalents: ReadonlyArray<Equivalent>
  /** Only mutants for which this holds are chosen. */
  readonly wanted: (mutant: Mutant) => boolean
  /** Where it is kept what tests reach of `probed`. */
  readonly cache: string
  /** Where copies of the project are made. */
  readonly temporary: string
  readonly say: (line: string) => void
  readonly signal: AbortSignal
}

/** The mutants of a run. */
export interface Choice {
  /** All that could be made, those that do not compile among them. */
  readonly possible: number
  /** To be judged, in random order. */
  readonly mutants: ReadonlyArray<Mutant>
  /** Chosen too, and known to change nothing. */
  readonly equivalent: ReadonlyArray<Mutant>
  /** Chosen first, and rejected by the compiler. */
  readonly invalid: number
  readonly stale: ReadonlyArray<Equivalent>
}

/** Whether a file or folder is one of these, or in one of them. */
export const isBelow = (file: string, paths: ReadonlyArray<string>): boolean =>
  paths.some((path) => file === path || file.startsWith(`${path.replace(/\/$/u, "")}/`))

const sourcesIn = (project: string, paths: ReadonlyArray<string>): ReadonlyArray<string> => {
  const patterns = paths.map((path) => (path.endsWith(".ts") ? path : `${path.replace(/\/$/u, "")}/**/*.ts`))
  const files = patterns.flatMap((pattern) => [...new Bun.Glob(pattern).scanSync(project)])
  return [...new Set(files)].filter((file) => !/\.(?:d|test)\.ts$/u.test(file)).toSorted()
}

/** Picks `count` mutants that compile, by the seed; fewer when there are not as many. */
const choose = async (plan: Plan, compiler: Compiler): Promise<Choice> => {
  const texts = new Map<string, string>()
  const all: Array<Mutant> = []
  for (const file of sourcesIn(plan.project, plan.only)) {
    const tree = await compiler.sourceFile(file)
    texts.set(file, tree.text)
    all.push(...candidates(file, tree))
  }
  const [mutants, equivalent]: [Array<Mutant>, Array<Mutant>] = [[], []]
  let invalid = 0
  for (const mutant of shuffled(all, plan.seed).filter(plan.wanted)) {
    if (mutants.length + equivalent.length === plan.count) break
    plan.signal.throwIfAborted()
    const errors = await compiler.errorsIn(mutant.file, withEdit(texts.get(mutant.file) ?? "", mutant))
    if (errors.length > 0) invalid++
    else if (isEquivalent(plan.equivalents, mutant)) equivalent.push(mutant)
    else mutants.push(mutant)
  }
  const considered = plan.equivalents.filter(({ file }) => isBelow(file, plan.only))
  return { possible: all.length, mutants, equivalent, invalid, stale: staleEquivalents(considered, all) }
}

/** Chooses mutants, and judges them one by one if `judged` is given, which hears of each. */
export const runMutants = async (plan: Plan, judged?: (verdict: Verdict) => void): Promise<Choice> => {
  const { project, say, signal } = plan
  await using compiler = await openCompiler(project)
  say(`choosing ${plan.count} mutants that compile ...`)
  const choice = await choose(plan, compiler)
  if (judged === undefined || choice.mutants.length === 0) return choice
  // Its real path: tests compare paths. Open to all: tests also run the program as another user.
  const folder = realpathSync(mkdtempSync(join(plan.temporary, "mutants-")))
  chmodSync(folder, 0o755)
  try {
    say(`copying the project ${plan.jobs} times to ${folder} ...`)
    const copies = Array.from({ length: plan.jobs }, (_, index) => makeCopy(project, folder, `${index}`))
    const sources = sourcesIn(project, plan.probed)
    const { testFiles, cache } = plan
    const map = await makeReachMap({ project, compiler, sources, testFiles, copies, cache, say, signal })
    const judge = makeJudge({ map, compiler, budget: plan.budget, grace: plan.grace, say, signal })
    await eachInTurn(choice.mutants, copies, async (mutant, copy) => judged(await judge(mutant, copy)))
    return choice
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
