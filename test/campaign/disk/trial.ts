import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { changedFiles, finished, main } from "../../support/run-cli.ts"
import { type Access, canTrace, isOdd, readAccesses, traced } from "./strace.ts"
import { flagsFor, stateOf, type Tree } from "./tree.ts"

/** One command over the whole tree, and everything that is wrong with how it went. */
export interface Run {
  readonly name: string
  readonly code: number
  readonly seconds: number
  /** File accesses that succeeded; undefined where they cannot be watched. */
  readonly accesses: number | undefined
  readonly offences: ReadonlyArray<string>
}

/** Within this a command over the tree is done, or hangs. */
const patienceMs = 20 * 60_000

/** What nobody may do to what lies outside, and to what is no file. */
const accessOffences = (tree: Tree, accesses: ReadonlyArray<Access>): ReadonlyArray<string> =>
  accesses.flatMap(({ call, line, path }) => {
    if (path === tree.outside || path.startsWith(`${tree.outside}/`)) return [`${call} outside: ${line}`]
    if (path.startsWith(`${tree.root}/`) && isOdd(path)) return [`${call} of what is no file: ${line}`]
    return path === "/dev/zero" || path === "/etc/passwd" ? [`${call} through a link: ${line}`] : []
  })

/** Names of changed things that belong to a video whose folder was to be left alone. */
const touched = (tree: Tree, changed: ReadonlyArray<string>): ReadonlyArray<string> => {
  const refused = new Set(tree.cases.filter(({ hostility }) => hostility.isRefused).map(({ id }) => id))
  return changed.filter((path) => refused.has(path.split("/")[1] ?? ""))
}

const runCommand = async (tree: Tree, name: string, args: ReadonlyArray<string>, work: string) => {
  const log = join(work, `${name.replaceAll(" ", "-")}.strace`)
  const command = [process.execPath, main, ...args]
  const before = { outside: stateOf(tree.outside), root: stateOf(tree.root) }
  const started = performance.now()
  const child = Bun.spawn([...(canTrace ? traced(log, command) : command)], {
    cwd: work,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: patienceMs,
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", TMPDIR: work },
  })
  const { stdout, stderr, code } = await finished(child)
  const seconds = (performance.now() - started) / 1000
  const accesses = canTrace ? readAccesses(log, work) : undefined
  const changed = changedFiles(before.root, stateOf(tree.root))
  const outside = changedFiles(before.outside, stateOf(tree.outside))
  const offences = [
    ...(child.signalCode === null ? [] : [`ended by ${child.signalCode}`]),
    ...outside.map((path) => `outside${path} was changed`),
    ...touched(tree, changed).map((path) => `${path} was changed although its folder is refused`),
    ...accessOffences(tree, accesses ?? []),
    ...(/^\s+at .+:\d+:\d+/mu.test(stderr) ? [`a stack trace: ${stderr.slice(0, 2000)}`] : []),
  ]
  return { code, stdout, stderr, seconds, accesses: accesses?.length, offences }
}

/** Runs that must name every refused folder, with the place that is hostile, and finish every other one. */
const pipelineOffences = (
  tree: Tree,
  code: number,
  stdout: string,
  stderr: string,
): ReadonlyArray<string> => {
  const lines = stderr.split("\n")
  const isRefused = tree.cases.some(({ hostility }) => hostility.isRefused)
  return [
    ...(code === (isRefused ? 1 : 0) ? [] : [`exit code ${code}`]),
    ...tree.cases.flatMap(({ hostility, id, path }) => {
      const place = `${join(tree.root, id)}/${path}`
      const isNamed = lines.some((line) => line.startsWith(`error: ${id}: `) && line.includes(place))
      const isDone = stdout.split("\n").includes(join(tree.root, id))
      if (hostility.isRefused && !isNamed) return [`${id} (${hostility.id}) is not refused by its name`]
      if (!hostility.isRefused && !isDone) return [`${id} (${hostility.id}) is not finished`]
      return []
    }),
  ]
}

/** Validation must name what is hostile, and find nothing wrong in what a run has finished. */
const validateOffences = (tree: Tree, report: string): ReadonlyArray<string> => {
  const {
    videos,
  }: { videos: ReadonlyArray<{ folder: string; ok: boolean; findings: ReadonlyArray<object> }> } = JSON.parse(
    readFileSync(report, "utf8"),
  )
  return tree.cases.flatMap(({ hostility, id, path }) => {
    const video = videos.find(({ folder }) => folder === join(tree.root, id))
    if (video === undefined) return [`${id} was not validated`]
    const isNamed = JSON.stringify(video.findings).includes(`"${path}`)
    if (hostility.isRefused && (video.ok || !isNamed))
      return [`${id} (${hostility.id}): ${path} is not named`]
    return !hostility.isRefused && !video.ok
      ? [`${id} (${hostility.id}) is not valid: ${JSON.stringify(video.findings.slice(0, 2))}`]
      : []
  })
}

/** The user's own files must be there to the end, as they were. */
const ownOffences = (tree: Tree): ReadonlyArray<string> =>
  tree.cases.flatMap(({ hostility, id, path }) =>
    hostility.id.startsWith("own ") && !existsSync(join(tree.root, id, path))
      ? [`${id}: ${path} is gone`]
      : [],
  )

/** Goes on, goes on again, overwrites, validates and looks at the tree. */
export const tryTree = async (tree: Tree, work: string): Promise<ReadonlyArray<Run>> => {
  const report = join(work, "report.json")
  const root = ["--output-root", tree.root]
  const runs: Array<Run> = []
  const add = async (
    name: string,
    args: ReadonlyArray<string>,
    judge: (result: Awaited<ReturnType<typeof runCommand>>) => ReadonlyArray<string>,
  ) => {
    const result = await runCommand(tree, name, args, work)
    const { accesses, code, offences, seconds } = result
    runs.push({
      name,
      code,
      seconds,
      accesses,
      offences: [...offences, ...judge(result), ...ownOffences(tree)],
    })
  }
  const pipeline = ["pipeline", ...flagsFor(tree)]
  const judge = ({ code, stderr, stdout }: { code: number; stdout: string; stderr: string }) =>
    pipelineOffences(tree, code, stdout, stderr)
  await add("resume", pipeline, judge)
  await add("overwrite", [...pipeline, "--overwrite"], judge)
  await add("validate", ["validate", ...root, "--report-json", report], () => validateOffences(tree, report))
  await add("status", ["status", ...root, "--json"], ({ stdout }) => {
    const { done, videos } = JSON.parse(stdout)
    const expected = tree.cases.filter(({ hostility }) => !hostility.isRefused).length + tree.left.length
    return videos === tree.cases.length + tree.left.length && done >= expected
      ? []
      : [`status has ${videos} videos, ${done} done`]
  })
  return runs
}
