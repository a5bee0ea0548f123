import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { type ReportedTest, testsInReport } from "./junit.ts"

/** A test and the places that it reaches: `file probe`, by their number in the list of its file. */
export interface ReachingTest {
  readonly name: string
  readonly seconds: number
  readonly places: ReadonlyArray<number>
}

/** What the tests of one file reach. */
export interface FileReach {
  /** Digests of the files on which this rests, by path. */
  readonly inputs: Readonly<Record<string, string>>
  readonly places: ReadonlyArray<string>
  readonly tests: ReadonlyArray<ReachingTest>
  /** Tests that fail without any mutant: they can tell nothing. */
  readonly failing: ReadonlyArray<string>
}

interface Hits {
  /** Hit outside any test, or by a worker. */
  readonly always: ReadonlySet<string>
  readonly byTest: ReadonlyArray<ReadonlySet<string>>
}

/** Reads what the probes have written: places, between the marks of where each test begins and ends. */
export const readHits = (text: string): Hits => {
  const always = new Set<string>()
  const byTest: Array<Set<string>> = []
  let current = always
  for (const line of text.split("\n")) {
    if (line === "") continue
    if (line === "test") {
      current = new Set()
      byTest.push(current)
    } else if (line === "end") current = always
    else if (line.startsWith("worker ")) always.add(line.slice("worker ".length))
    else current.add(line)
  }
  return { always, byTest }
}

/** Joins the report of a test file with what its probes wrote. */
const attributed = (
  reported: ReadonlyArray<ReportedTest>,
  { always, byTest }: Hits,
): Pick<FileReach, "places" | "tests" | "failing"> => {
  const ran = reported.filter(({ outcome }) => outcome !== "skipped")
  const all = [...new Set([...always, ...byTest.flatMap((places) => [...places])])].toSorted()
  const numbers = new Map(all.map((place, number) => [place, number]))
  const toldApart = byTest.length === ran.length
  return {
    places: all,
    tests: ran.flatMap(({ name, seconds, outcome }, index) => {
      if (outcome === "failed") return []
      const reached = toldApart ? new Set([...always, ...(byTest[index] ?? [])]) : all
      return [{ name, seconds, places: [...reached].flatMap((place) => numbers.get(place) ?? []) }]
    }),
    failing: ran.filter(({ outcome }) => outcome === "failed").map(({ name }) => name),
  }
}

/** The digest of a file, by its path from the project's folder; empty where there is no file. */
export type DigestOf = (file: string) => string

/** Digests of files as they are when they are first asked for. */
export const digests = (root: string): DigestOf => {
  const known = new Map<string, string>()
  return (file) => {
    const path = join(root, file)
    const digest = () => new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex")
    const found = known.get(file) ?? (existsSync(path) ? digest() : "")
    known.set(file, found)
    return found
  }
}

const scanner = new Bun.Transpiler({ loader: "ts" })

/** A test file and everything beside it that it imports: not the program under test. */
export const ownFiles = (root: string, testFile: string): ReadonlySet<string> => {
  const found = new Set<string>()
  const [topFolder = ""] = testFile.split("/")
  const visit = (file: string): void => {
    if (found.has(file)) return
    found.add(file)
    for (const { path } of scanner.scanImports(readFileSync(join(root, file), "utf8"))) {
      const target = path.startsWith(".") ? join(file, "..", path) : ""
      if (target.startsWith(`${topFolder}/`) && target.endsWith(".ts")) visit(target)
    }
  }
  visit(testFile)
  return found
}

/** What a run of a test file with probes has found; `own` are the files of the test itself. */
export const reachOf = (
  own: Iterable<string>,
  digestOf: DigestOf,
  report: string,
  hits: string,
): FileReach => {
  const found = attributed(testsInReport(report), readHits(hits))
  const reached = found.places.map((place) => place.split(" ")[0] ?? "")
  const files = [...new Set([...own, ...reached])].toSorted()
  return { ...found, inputs: Object.fromEntries(files.map((file) => [file, digestOf(file)])) }
}

/** Nothing on which it rests has changed. */
export const isFresh = (own: Iterable<string>, digestOf: DigestOf, { inputs }: FileReach): boolean =>
  [...Object.keys(inputs), ...own].every((file) => digestOf(file) === inputs[file])
