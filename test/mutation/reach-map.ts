import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import type { Copy } from "./copy.ts"
import { eachInTurn } from "./in-turn.ts"
import { instrumented, markerModule, probeModule } from "./probes.ts"
import { digests, type FileReach, isFresh, ownFiles, reachOf } from "./reach.ts"
import type { Compiler } from "./syntax.ts"
import { runTests } from "./test-run.ts"

/** What each test file reaches, by its path. */
export type ReachMap = Readonly<Record<string, FileReach>>

/** Seconds for all tests of one file. */
const deadline = 1200
/** Milliseconds for one test: probes cost a little. */
const testTimeoutMs = 120_000

interface Request {
  readonly project: string
  readonly compiler: Compiler
  /** The files that get probes. */
  readonly sources: ReadonlyArray<string>
  readonly testFiles: ReadonlyArray<string>
  readonly copies: ReadonlyArray<Copy>
  /** Where the map is kept from run to run. */
  readonly cache: string
  readonly say: (line: string) => void
  readonly signal: AbortSignal
}

/** A copy whose sources have probes until its scope ends. */
const withProbes = async (copy: Copy, { compiler, sources }: Request) => {
  const beside = (ending: string): string => `${copy.root}-${ending}`
  const [probe, marker, hits] = [beside("probe.mjs"), beside("marker.mjs"), beside("hits")]
  writeFileSync(probe, probeModule(hits))
  writeFileSync(marker, markerModule(probe))
  const before = new Map(sources.map((file) => [file, copy.read(file)]))
  for (const file of sources) copy.write(file, instrumented(file, await compiler.sourceFile(file), probe))
  return {
    marker,
    hits,
    report: beside("report.xml"),
    [Symbol.dispose]: () => {
      for (const [file, text] of before) copy.write(file, text)
    },
  }
}

const read = (cache: string): Record<string, FileReach> =>
  existsSync(cache) ? JSON.parse(readFileSync(cache, "utf8")) : {}

/**
 * Finds out which tests reach which code, by running every test file by itself with probes in the code, also in the
 * processes and workers that it starts. What is known from an earlier run is kept as long as neither the test's own files
 * nor the code that it reached have changed.
 */
export const makeReachMap = async (request: Request): Promise<ReachMap> => {
  const { project, sources, testFiles, copies, cache, say, signal } = request
  const known = read(cache)
  const map: Record<string, FileReach> = {}
  // Taken before anything runs, as the copies are: the project may be changed in the meantime.
  const digestOf = digests(project)
  for (const file of sources) digestOf(file)
  const own = new Map(testFiles.map((file) => [file, ownFiles(project, file)]))
  for (const [file, files] of own) {
    const reach = known[file]
    for (const path of files) digestOf(path)
    if (reach !== undefined && isFresh(files, digestOf, reach)) map[file] = reach
  }
  const missing = testFiles.filter((file) => map[file] === undefined)
  if (missing.length === 0) return map
  say(`looking what ${missing.length} of ${testFiles.length} test files reach ...`)
  mkdirSync(dirname(cache), { recursive: true })
  using probes = new DisposableStack()
  const places = new Map<Copy, Awaited<ReturnType<typeof withProbes>>>()
  for (const copy of copies) places.set(copy, probes.use(await withProbes(copy, request)))
  await eachInTurn(missing, copies, async (file, copy) => {
    const place = places.get(copy)
    if (place === undefined) throw new Error(`${copy.root} has no probes`)
    for (const path of [place.report, place.hits]) rmSync(path, { force: true })
    // Also for what a test runs as another user.
    writeFileSync(place.hits, "")
    chmodSync(place.hits, 0o666)
    const flags = [`--timeout=${testTimeoutMs}`, `--preload=${place.marker}`]
    const reporter = ["--reporter=junit", `--reporter-outfile=${place.report}`]
    const request = { file, flags: [...flags, ...reporter], deadline, signal }
    const { outcome, output } = await runTests(copy, request)
    if (!existsSync(place.report)) {
      say(`${file}: its tests are left out, they ${outcome}:\n${output.slice(-2000)}`)
      return
    }
    const [report, hits] = [place.report, place.hits].map((path) => readFileSync(path, "utf8"))
    const reach = reachOf(own.get(file) ?? [file], digestOf, report ?? "", hits ?? "")
    map[file] = reach
    for (const name of reach.failing) say(`${file}: left out, it fails without any mutant: ${name}`)
    writeFileSync(cache, JSON.stringify({ ...known, ...map }))
  })
  return map
}
