import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join, posix } from "node:path"

const root = join(import.meta.dir, "../..")

const sourceFiles = [...new Bun.Glob("{src,workers}/**/*.ts").scanSync(root)].toSorted()
const sourceOf = (file: string): string => readFileSync(join(root, file), "utf8")

interface Import {
  /** Path from the project's root, as in `src/plan/slug.ts`. */
  readonly from: string
  /** Likewise, or the name of a package. */
  readonly to: string
  readonly typesOnly: boolean
  /** What is taken, without `type`; empty for `import * as` and `import()`. */
  readonly names: ReadonlyArray<string>
  readonly reexportsAll: boolean
}

const statement = /^(import|export)\s+(type\s+)?([\w*{][^'";]*?\s)?from\s+["']([^"']+)["']/gmu
const bare = /\bimport\s*\(?\s*["']([^"']+)["']/gu

const resolved = (from: string, target: string): string =>
  target.startsWith(".") ? posix.normalize(posix.join(posix.dirname(from), target)) : target

/** Every import and re-export of a file, types included. */
const importsIn = (from: string, source: string): ReadonlyArray<Import> => [
  ...[...source.matchAll(statement)].map((match): Import => {
    const clause = (match[3] ?? "").trim()
    const listed = (/\{([^}]*)\}/u.exec(clause)?.[1] ?? "").split(",").map((item) => item.trim())
    const items = listed.filter((item) => item !== "")
    const rest = clause.replace(/\{[^}]*\}/u, "").replaceAll(/[\s,]/gu, "")
    return {
      from,
      to: resolved(from, match[4] ?? ""),
      typesOnly: match[2] !== undefined || (rest === "" && items.every((item) => item.startsWith("type "))),
      names: items.map((item) => item.replace(/^type\s+/u, "").replace(/\s+as\s.*$/u, "")),
      reexportsAll: match[1] === "export" && clause.startsWith("*"),
    }
  }),
  ...[...source.matchAll(bare)].map(
    (match): Import => ({
      from,
      to: resolved(from, match[1] ?? ""),
      typesOnly: false,
      names: [],
      reexportsAll: false,
    }),
  ),
]

const imports = sourceFiles.flatMap((file) => importsIn(file, sourceOf(file)))

/** `src/plan/slug.ts` is in `plan`, `src/config.ts` in `config`. */
const areaOf = (file: string): string => (file.split("/")[1] ?? "").replace(/\.ts$/u, "")

/** What an area of `src` may import of ours, itself aside. Areas that are not listed may import everything. */
const arrows: Readonly<Record<string, ReadonlyArray<string>>> = {
  plan: [],
  files: [],
  text: [],
  demo: ["model", "text", "video"],
  quality: ["dataset", "files", "text"],
  sources: ["dataset", "files", "quality"],
  bitstream: [],
  threads: [],
  picture: ["bitstream", "plan"],
  video: ["bitstream", "picture", "plan", "threads"],
  model: ["files", "plan"],
  dataset: ["files", "plan", "text"],
  "output-root": ["dataset", "files", "plan"],
  config: ["picture", "plan", "video"],
  events: ["config", "dataset", "model", "video"],
  stages: [
    "bitstream",
    "picture",
    "threads",
    "files",
    "plan",
    "video",
    "model",
    "dataset",
    "config",
    "events",
  ],
  pipeline: [
    "threads",
    "files",
    "plan",
    "video",
    "model",
    "dataset",
    "output-root",
    "config",
    "events",
    "stages",
  ],
  batch: [
    "files",
    "plan",
    "text",
    "config",
    "dataset",
    "output-root",
    "events",
    "model",
    "pipeline",
    "stages",
  ],
  engine: ["batch", "dataset", "events", "pipeline"],
  preflight: ["config", "files", "plan", "stages", "video"],
  "service-check": ["files", "model", "picture", "plan", "preflight", "stages", "text"],
  layers: ["dataset", "demo", "engine", "model", "picture", "pipeline", "video"],
}

const againstArrows = ({ from, to }: Import): boolean => {
  if (!from.startsWith("src/") || !to.startsWith("src/")) return false
  const allowed = arrows[areaOf(from)]
  return allowed !== undefined && areaOf(to) !== areaOf(from) && !allowed.includes(areaOf(to))
}

/** `src/video/libav/cut.ts` belongs to the backend `libav`; `ffprobe` is what the program and WebAssembly share. */
const backendOf = (file: string): string | undefined => /^src\/video\/(libav|ffmpeg|wasm)\//u.exec(file)?.[1]

const betweenBackends = ({ from, to }: Import): boolean => {
  const target = backendOf(to)
  if (target === undefined || target === backendOf(from)) return false
  return backendOf(from) !== undefined || from.startsWith("src/video/ffprobe/")
}

const implementations = /^src\/(video\/(?:libav|ffmpeg|wasm)\/|model\/(?:client\/client|rehearsal)\.ts$)/u

interface Exception {
  readonly from: string
  readonly to: string
  /** All that may be taken. */
  readonly names: ReadonlyArray<string>
  readonly reason: string
}

const exceptions: ReadonlyArray<Exception> = [
  {
    from: "workers/libav.ts",
    to: "src/video/libav/handle.ts",
    names: [],
    reason: "the thread that runs libav: loading the bindings there, and only there, is its purpose",
  },
  {
    from: "workers/wasm.ts",
    to: "src/video/wasm/handle.ts",
    names: [],
    reason: "the thread that asks ffmpeg in WebAssembly",
  },
  {
    from: "workers/ffmpeg-core.ts",
    to: "src/video/wasm/core-thread.ts",
    names: ["serveCore"],
    reason: "the thread that runs ffmpeg in WebAssembly",
  },
]

const isException = ({ from, to, names }: Import): boolean =>
  exceptions.some(
    (known) => known.from === from && known.to === to && names.every((name) => known.names.includes(name)),
  )

const picksImplementation = (found: Import): boolean =>
  implementations.test(found.to) &&
  found.from !== "src/layers.ts" &&
  !(backendOf(found.to) !== undefined && backendOf(found.from) === backendOf(found.to)) &&
  !found.typesOnly &&
  !isException(found)

const takesLibav = ({ from, to }: Import): boolean =>
  /^node-av(?:\/|$)/u.test(to) && backendOf(from) !== "libav"

/** Folders that read datasets: only through `dataset/open.ts`, which has checked them. */
const readers = ["exports", "review", "quality"]
const readsDatasetItself = ({ from, to }: Import): boolean =>
  readers.includes(areaOf(from)) && areaOf(to) === "dataset" && to !== "src/dataset/open.ts"

/** What a protocol says on the wire does not depend on what bounds, repeats and pays for calls. */
const protocolTakesClient = ({ from, to }: Import): boolean =>
  from.startsWith("src/model/protocols/") && to.startsWith("src/model/client/")

/** Rooms that work on datasets: what is in one they reach by its key, through a `DatasetStore`. */
const keyed = ["dataset", "output-root", "stages", "batch"]

/** Files of those rooms that know the disk, and what of it. */
const onDisk: Readonly<Record<string, string>> = {
  "src/dataset/local-store.ts": "the store that is a folder of this machine",
  "src/dataset/local-conditional.ts": "its files that are written under a condition",
  "src/dataset/local-watch.ts": "its folders, as long as they are watched",
  "src/dataset/media.ts": "looks into a clip at the path that a store gives",
  "src/stages/pool-images.ts": "reads pictures at such paths, and writes images that only requests need",
  "src/dataset/RunClock.ts": "the times of a recording, which is no dataset",
  "src/dataset/identity.ts": "the source video",
  "src/stages/prompts.ts": "the project's own prompts",
  "src/batch/discover.ts": "the input",
}

const reachesDisk = ({ from, names, to }: Import): boolean =>
  from.startsWith("src/") &&
  keyed.includes(areaOf(from)) &&
  (/^node:fs(?:\/|$)/u.test(to) ||
    (to === "src/files/whole.ts" && names.some((name) => name !== "NameSync" && name !== "isTemporary")))

/**
 * What effects find around them without naming it in their types, and why each may stay so: it has a default with which whoever
 * embeds the project misses nothing. Anything new that a computation depends on is in its signature, or is a tag.
 */
const ambient: Readonly<Record<string, string>> = {
  "src/cli/stop.ts: StopRequests": "nobody asks to stop",
  "src/dataset/RunClock.ts: RunClock": "the real clock",
  "src/events.ts: RunEvents": "nobody listens",
  "src/model/client/CallDrain.ts: CallDrain": "nothing is drained",
  "src/model/client/CallDrain.ts: CurrentLease": "calls may always begin",
  "src/model/client/CallLog.ts: CallLog": "nothing is noted",
  "src/threads/priority-queue.ts: WorkRank": "all work is as urgent",
  "src/video/FrameLabeller.ts: FrameLabeller": "labels are drawn in this thread",
  "src/video/large-pictures.ts: MemoryAtHand": "what the system says",
}

/** The ambient references that a source makes, by their names. */
const ambientIn = (source: string): ReadonlyArray<string> =>
  [...source.matchAll(/class (\w+) extends Context\.Reference\b|\b(FiberRef\.\w*[mM]ake\w*)/gu)].map(
    ([, service, made]) => service ?? made ?? "",
  )

/** Rooms whose results follow from what they are given: no clock, chance, environment or output of the process. */
const closed = ["plan", "bitstream", "picture", "text", "quality", "stages", "sources", "config", "events"]
const reachesProcess =
  /\b(?:process\.\w|Date\.now\b|new Date\(\)|Math\.random\b|performance\.now\b|console\.\w|globalThis\b|Bun\.env\b|crypto\.(?:randomUUID|getRandomValues)\b)/u

/** Circles among files, types included: each as the files on the way, from the first in order of name back to it. */
const circlesIn = (all: ReadonlyArray<Import>): ReadonlyArray<string> => {
  const targets = Map.groupBy(all, ({ from }) => from)
  const done = new Set<string>()
  const circles: Array<string> = []
  const follow = (file: string, way: ReadonlyArray<string>): void => {
    const at = way.indexOf(file)
    if (at !== -1) circles.push([...way.slice(at), file].join(" -> "))
    if (at !== -1 || done.has(file)) return
    for (const { to } of targets.get(file) ?? []) follow(to, [...way, file])
    done.add(file)
  }
  for (const file of [...targets.keys()].toSorted()) follow(file, [])
  return circles
}

const runsEffects =
  /\b(?:runMain|runPromise|runPromiseExit|runFork|runSync|runSyncExit|runCallback|ManagedRuntime)\b/u

const withoutComments = (source: string): string =>
  source.replaceAll(/\/\*[\s\S]*?\*\//gu, "").replaceAll(/(^|\s)\/\/.*$/gmu, "$1")

const arrow = ({ from, to }: Import): string => `${from} -> ${to}`

/** Everything that files load when they run, by whatever detour: files and packages. */
const loadedFrom = (entries: ReadonlyArray<string>, among: ReadonlyArray<Import>): ReadonlySet<string> => {
  const loaded = new Set<string>(entries)
  for (const file of loaded)
    for (const { from, to, typesOnly } of among) if (from === file && !typesOnly) loaded.add(to)
  return loaded
}

test("the scan sees the imports there are, types and dynamic ones too", () => {
  const arrowsFound = imports.map(arrow)
  expect(sourceFiles.length).toBeGreaterThan(60)
  expect(arrowsFound).toContain("src/plan/annotation.ts -> src/plan/problem.ts")
  expect(arrowsFound).toContain("src/stages/pool.ts -> src/dataset/store.ts")
  expect(arrowsFound).toContain("workers/libav.ts -> src/video/libav/handle.ts")
  expect(arrowsFound).toContain("src/video/libav/frames.ts -> node-av/lib")
  const missed = imports.filter(
    ({ to }) => to.startsWith("src/") && !to.endsWith(".json") && !sourceFiles.includes(to),
  )
  expect(missed.map(arrow)).toEqual([])
})

test("the rules catch what they forbid", () => {
  const one = (from: string, source: string) => importsIn(from, source)
  const forbidden = [
    ['import { a } from "../video/pool.ts"', "src/plan/x.ts"],
    ['import type { A } from "../dataset/store.ts"', "src/video/x.ts"],
    ['import {\n  a,\n  type B,\n} from "../video/pool.ts"', "src/model/x.ts"],
    ['export { a } from "../model/ask.ts"', "src/dataset/x.ts"],
    ['import type { A } from "../video/VideoError.ts"', "src/threads/x.ts"],
    ['import type { A } from "../video/VideoDecoder.ts"', "src/picture/x.ts"],
    ['import { a } from "../picture/jpeg.ts"', "src/bitstream/x.ts"],
    ['import { a } from "../output-root/lock.ts"', "src/dataset/x.ts"],
    ['import type { A } from "../cli/run.ts"', "src/batch/x.ts"],
    ['import { a } from "../batch/run.ts"', "src/output-root/x.ts"],
    ['import * as Cli from "../cli/flags/work.ts"', "src/stages/x.ts"],
    ['await import("../pipeline.ts")', "src/video/x.ts"],
  ] as const
  for (const [source, from] of forbidden) expect(one(from, source).some(againstArrows)).toBe(true)
  const taken = one("src/cli/x.ts", 'import { layer, type A } from "../model/client/client.ts"')
  const typed = one("src/cli/x.ts", 'import type { A } from "../model/client/client.ts"')
  const header = one("src/stages/header.ts", 'import { layer } from "../model/rehearsal.ts"')
  expect([taken, typed, header].map((found) => found.some(picksImplementation))).toEqual([true, false, true])
  expect(one("src/video/x.ts", 'import { Frame } from "node-av/lib"').some(takesLibav)).toBe(true)
  const across = one("src/video/wasm/x.ts", 'import type { A } from "../ffmpeg/process.ts"')
  const below = one("src/video/ffprobe/x.ts", 'import { a } from "../libav/cut.ts"')
  const within = one("src/video/wasm/x.ts", 'import { a } from "../ffprobe/filters.ts"')
  expect([across, below, within].map((found) => found.some(betweenBackends))).toEqual([true, true, false])
  const scorer = one("src/quality/x.ts", 'import type { A } from "../dataset/records.ts"')
  expect(scorer.some(readsDatasetItself)).toBe(true)
  const wire = one("src/model/protocols/x.ts", 'import type { A } from "../client/gate.ts"')
  expect(wire.some(protocolTakesClient)).toBe(true)
  const direct = one("src/stages/x.ts", 'import { writeNew } from "../files/whole.ts"')
  const named = one("src/dataset/x.ts", 'import { isTemporary, type NameSync } from "../files/whole.ts"')
  expect([direct, named].map((found) => found.some(reachesDisk))).toEqual([true, false])
  const circle = [
    ...one("src/a.ts", 'import { b } from "./b.ts"'),
    ...one("src/b.ts", 'import type { C } from "./c.ts"'),
    ...one("src/c.ts", 'import type { A } from "./a.ts"'),
  ]
  expect(circlesIn(circle)).toEqual(["src/a.ts -> src/b.ts -> src/c.ts -> src/a.ts"])
  expect(one("src/x.ts", 'export * from "./config.ts"')[0]?.reexportsAll).toBe(true)
  expect(runsEffects.test(withoutComments("  Effect.runPromise(program)"))).toBe(true)
  expect(runsEffects.test(withoutComments("// Effect.runPromise(program)\n/** runFork */"))).toBe(false)
})

test("arrows point one way: the ground, then video, model and dataset, then stages, then pipeline", () => {
  expect(imports.filter(againstArrows).map(arrow)).toEqual([])
})

test("no backend imports another", () => {
  expect(imports.filter(betweenBackends).map(arrow)).toEqual([])
})

test("a protocol does not know the client", () => {
  expect(imports.filter(protocolTakesClient).map(arrow)).toEqual([])
})

test("no file imports itself by a detour, not even for types", () => {
  expect(circlesIn(imports)).toEqual([])
})

test("datasets are read through dataset/open.ts alone", () => {
  expect(imports.filter(readsDatasetItself).map(arrow)).toEqual([])
})

test("what is in a dataset is reached through its store alone", () => {
  const reaching = new Set(imports.filter(reachesDisk).map(({ from }) => from))
  expect([...reaching].toSorted()).toEqual(Object.keys(onDisk).toSorted())
})

test("what effects find around them is listed, and has a default", () => {
  const found = sourceFiles.flatMap((file) =>
    ambientIn(withoutComments(sourceOf(file))).map((name) => `${file}: ${name}`),
  )
  expect(found.toSorted()).toEqual(Object.keys(ambient))
  expect(ambientIn('class A extends Context.Reference<A>()("a", {}) {}\nFiberRef.unsafeMake(1)')).toEqual([
    "A",
    "FiberRef.unsafeMake",
  ])
})

test("rooms that only compute reach for no clock, chance, environment or output", () => {
  const reaching = sourceFiles.filter(
    (file) =>
      file.startsWith("src/") &&
      closed.includes(areaOf(file)) &&
      reachesProcess.test(withoutComments(sourceOf(file))),
  )
  expect(reaching).toEqual([])
  for (const source of ["process.env.HOME", "Date.now()", "new Date()", "Math.random()", "console.log(1)"])
    expect(reachesProcess.test(source)).toBe(true)
  expect(reachesProcess.test('new Date("2026-11-28") processed.env')).toBe(false)
})

test("nothing in src imports what stands above it: main, workers, tests", () => {
  const upward = imports.filter(
    ({ from, to }) =>
      (from.startsWith("src/") && /^(?:workers|test|bench)\//u.test(to)) || to === "src/main.ts",
  )
  expect(upward.map(arrow)).toEqual([])
})

test("threads load no Effect: each of them reads its modules anew", () => {
  const threads = sourceFiles.filter((file) => file.startsWith("workers/"))
  const loaded = loadedFrom(threads, imports)
  expect(threads.length).toBeGreaterThan(2)
  expect([...loaded].filter((to) => /^(?:effect|@effect)\b/u.test(to))).toEqual([])
  const detour = [
    ...importsIn("workers/x.ts", 'await import("../src/video/a.ts")'),
    ...importsIn("src/video/a.ts", 'import { b } from "./b.ts"\nimport type { C } from "./c.ts"'),
    ...importsIn("src/video/b.ts", 'import { Effect } from "effect"'),
  ]
  expect([...loadedFrom(["workers/x.ts"], detour)]).toContain("effect")
  expect([...loadedFrom(["workers/x.ts"], detour)]).not.toContain("src/video/c.ts")
})

test("only layers.ts picks implementations", () => {
  expect(imports.filter(picksImplementation).map(arrow)).toEqual([])
})

test("every exception is still needed", () => {
  const unused = exceptions.filter(
    ({ from, to }) => !imports.some((found) => found.from === from && found.to === to),
  )
  expect(unused).toEqual([])
})

test("only main.ts runs an effect", () => {
  const running = sourceFiles.filter((file) => runsEffects.test(withoutComments(sourceOf(file))))
  expect(running).toEqual(["src/main.ts"])
})

test("index.ts is the only barrel and lists its exports by name", () => {
  const named = sourceFiles.filter((file) => posix.basename(file) === "index.ts")
  expect(named).toEqual(["src/index.ts"])
  const wholesale = imports.filter(({ reexportsAll }) => reexportsAll)
  // A namespace by name: `export * as Layers`.
  expect(wholesale.map(arrow)).toEqual(["src/index.ts -> src/layers.ts"])
  expect(sourceOf("src/index.ts")).toContain("export * as Layers from")
  expect(imports.filter(({ to }) => to === "src/index.ts").map(arrow)).toEqual([])
})

test("libav's bindings are imported only under video/libav", () => {
  expect(imports.filter(takesLibav).map(arrow)).toEqual([])
})
