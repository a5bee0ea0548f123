import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { sha256 } from "../../src/plan/fingerprint.ts"
import { type SeenCall, startChatServer } from "./chat-server.ts"
import { randomNumbers } from "./random.ts"
import { filesBelow, finished, startCli } from "./run-cli.ts"

/** What a batch is put through. */
export interface CrashPlan {
  /** Folder of the input videos. */
  readonly input: string
  readonly root: string
  /** Scratch folder of the processes. */
  readonly scratch: string
  /** Processes that work on the root at the same time. */
  readonly processes: number
  /** How many times one of them is killed and started again. */
  readonly kills: number
  readonly flags: ReadonlyArray<string>
  /** Longest time that an answer takes, in milliseconds. */
  readonly latencyMs: number
  /** Of the random moments. */
  readonly seed: number
}

/** What came of it. */
export interface CrashReport {
  readonly kills: number
  readonly calls: number
  /** Requests that differ: what a run without crashes takes. */
  readonly ideal: number
  /** For each kill: calls of that process whose reply was not on disk when it had died. */
  readonly inFlight: ReadonlyArray<number>
  /** Calls that were made again although their reply was on disk, or on its way to a process that lived. */
  readonly repeated: ReadonlyArray<string>
  /** JSON files that could not be parsed after a kill. */
  readonly torn: ReadonlyArray<string>
  /** Exit codes of the processes that were not killed. */
  readonly codes: ReadonlyArray<number>
  readonly stderr: string
}

interface Call {
  readonly number: number
  readonly run: string
  /** Digest of the body. */
  readonly request: string
}

/** Numbers of the calls whose replies are on disk. */
const repliesOnDisk = (root: string): ReadonlyArray<number> =>
  filesBelow(root)
    .filter((file) => /_raw_response(?:\.attempt\d+)?\.txt$/u.test(file))
    .map((file) => Number(/^Reply (\d+)\./u.exec(readFileSync(join(root, file), "utf8"))?.[1]))

const tornFiles = (root: string): ReadonlyArray<string> =>
  filesBelow(root).filter((file) => {
    if (!file.endsWith(".json")) return false
    try {
      JSON.parse(readFileSync(join(root, file), "utf8"))
      return false
    } catch {
      return true
    }
  })

/** The first answer of about one request in six breaks a rule; which ones depends on the request alone. */
const isBad = ({ stage, turns, raw }: SeenCall): boolean =>
  stage !== 2 && turns.length === 0 && Number.parseInt(sha256(raw).slice(0, 4), 16) % 6 === 0

/**
 * Runs a batch with processes that are killed (`kill -9`) at random moments and started again, until it is done. Every
 * reply of the server carries the number of its call, so that what is on disk can be told from what was under way.
 */
export const crashUntilDone = async (plan: CrashPlan): Promise<CrashReport> => {
  const random = randomNumbers(plan.seed)
  const calls: Array<Call> = []
  const heard = new Set<() => void>()
  const onDisk = new Set<number>()
  const dead = new Set<string>()
  const repeated: Array<string> = []
  const torn: Array<string> = []
  const inFlight: Array<number> = []
  const codes: Array<number> = []
  let stderr = ""
  let kills = 0
  let runs = 0
  await using server = startChatServer({
    behave: async (call, good) => {
      const { number, raw, stage, stepId, headers } = call
      const run = headers.get("x-model-provider-id") ?? ""
      const request = sha256(raw)
      const before = calls.filter((earlier) => earlier.request === request)
      const isNeeded = before.every((earlier) => dead.has(earlier.run) && !onDisk.has(earlier.number))
      if (!isNeeded) {
        const told = before.map(
          (earlier) => `${earlier.run} (${onDisk.has(earlier.number) ? "on disk" : "under way"})`,
        )
        repeated.push(`stage ${stage} step ${stepId ?? "-"} in ${run} after ${told.join(", ")}`)
      }
      calls.push({ number, run, request })
      for (const listener of heard) listener()
      await Bun.sleep(plan.latencyMs * (0.1 + 0.9 * random()))
      return `Reply ${number}.\n\n${isBad(call) ? good.replaceAll("The cube", "In frame 3 the cube") : good}`
    },
  })
  const start = () => {
    const run = `run-${++runs}`
    const args = ["--input-video-dir", plan.input, "--output-root", plan.root, "--continue-on-error"]
    const child = startCli(
      ["pipeline", ...args, ...plan.flags, "--provider", run, "--api-base", server.url],
      {
        TMPDIR: plan.scratch,
      },
    )
    const result = finished(child)
    const calledSince = (count: number) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      const listener = () => {
        if (calls.filter((call) => call.run === run).length >= count) resolve()
      }
      heard.add(listener)
      return promise.finally(() => heard.delete(listener))
    }
    return { run, child, result, calledSince }
  }
  /** A random moment: some time after the start, or shortly after one of the first calls. */
  const moment = async ({ calledSince }: ReturnType<typeof start>) => {
    const byCall = random() < 0.6
    const many = 1 + Math.floor(random() * 5)
    const rest = random()
    if (!byCall) return Bun.sleep(400 + 1600 * rest)
    await calledSince(many)
    await Bun.sleep(250 * rest)
  }
  /** One of the processes: killed and started again as long as there are kills left. */
  const worker = async () => {
    for (;;) {
      const started = start()
      const mayKill = kills < plan.kills
      if (mayKill) kills++
      const first = await Promise.race([
        started.result.then(() => "ended" as const),
        ...(mayKill ? [moment(started).then(() => "kill" as const)] : []),
      ])
      if (first === "kill") started.child.kill("SIGKILL")
      const { code, stderr: said } = await started.result
      if (started.child.signalCode !== "SIGKILL") {
        if (mayKill) kills--
        codes.push(code)
        if (code !== 0) stderr += said
        return
      }
      for (const number of repliesOnDisk(plan.root)) onDisk.add(number)
      torn.push(...tornFiles(plan.root))
      inFlight.push(calls.filter((call) => call.run === started.run && !onDisk.has(call.number)).length)
      dead.add(started.run)
    }
  }
  await Promise.all(Array.from({ length: plan.processes }, worker))
  return {
    kills,
    calls: calls.length,
    ideal: new Set(calls.map(({ request }) => request)).size,
    inFlight,
    repeated,
    torn,
    codes,
    stderr,
  }
}

/** What is in a folder that ought to hold nothing but what the contract names: locks, leftovers, scratch files. */
export const leftBehind = (root: string, scratch: string): ReadonlyArray<string> => [
  ...readdirSync(scratch),
  ...readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
    (file) =>
      // Notes of a batch have no lock: what a crash leaves of them is removed by a run a minute later.
      /(?:^|\/)\.(?:tmp-|locks)/u.test(file) && !file.startsWith(".batch/"),
  ),
]
