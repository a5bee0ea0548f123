import { describe, expect, test } from "bun:test"
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { Context, Effect, Either, Layer, Logger } from "effect"
import { writeLocalFile } from "../../src/dataset/local-store.ts"
import * as RunClock from "../../src/dataset/RunClock.ts"
import { record, replay } from "../../src/model/recording.ts"
import { type ModelRequest, noUsage, VisionModel } from "../../src/model/VisionModel.ts"
import { localizationTask } from "../../src/stages/localize.ts"
import { runFolder } from "../support/folders.ts"

/** A model that repeats what it is asked. */
const echo = Layer.succeed(VisionModel, {
  config: {
    kind: "openai",
    api_base: null,
    provider: null,
    model: "echo",
    temperature: null,
    max_tokens: null,
    api_call_retries: 0,
    api_call_retry_backoff_sec: 0,
    response_format: "none",
    stream: false,
  },
  complete: ({ prompt }) =>
    Effect.succeed({
      text: `reply to ${prompt}`,
      truncated: false,
      model: "echo",
      usage: noUsage,
      costUsd: null,
      latencyMs: 1,
      waitMs: 0,
      transportAttempts: 1,
      responseFormat: "none",
      estimated: null,
      adjusted: [],
    }),
})

const requestOf = (prompt: string): ModelRequest => ({
  videoId: "video",
  task: localizationTask({ stepIds: [1], boundarySeconds: [0, 1] }),
  callsLeft: 1,
  system: "",
  prompt,
  images: [],
  turns: [],
  attempt: 1,
  isPartial: false,
  schema: { name: "x", json: {} },
})

const ask = (prompt: string) => Effect.flatMap(VisionModel, (model) => model.complete(requestOf(prompt)))

/** Records the replies to some prompts; gives the folder and the file of the first one. */
const recordingOf = async (...prompts: ReadonlyArray<string>) => {
  const dir = join(runFolder(), "recording")
  let first = ""
  for (const prompt of prompts) {
    await Effect.runPromise(Effect.provide(ask(prompt), Layer.provide(record(dir, writeLocalFile), echo)))
    first ||= readdirSync(dir).find((name) => name !== "recording.json") ?? ""
  }
  return { dir, file: join(dir, first) }
}

/** What is warned of when a recording is opened. */
const warningsOf = async (dir: string): Promise<ReadonlyArray<string>> => {
  const warnings: Array<string> = []
  const logger = Logger.make(({ message }) => warnings.push(String(message)))
  await Effect.void.pipe(
    Effect.provide(replay(dir)),
    Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
    Effect.runPromise,
  )
  return warnings
}

const damages: ReadonlyArray<readonly [string, (path: string) => void]> = [
  ["empty", (path) => truncateSync(path, 0)],
  ["cut off", (path) => truncateSync(path, readFileSync(path).length - 20)],
  ["no exchange", (path) => writeFileSync(path, "{}")],
  ["nested without an end", (path) => writeFileSync(path, "[".repeat(1_000_000))],
  ["larger than any exchange", (path) => truncateSync(path, 10 * 2 ** 30)],
  ["a folder", (path) => void [rmSync(path), mkdirSync(path)]],
  ["a pipe", (path) => void [rmSync(path), Bun.spawnSync(["mkfifo", path])]],
  [
    "a link",
    (path) => {
      renameSync(path, `${path}.away`)
      symlinkSync(`${path}.away`, path)
    },
  ],
]

test.each(damages)(
  "a file of a recording that is %s is missing; the rest is replayed",
  async (_what, damage) => {
    const { dir, file } = await recordingOf("one", "two", "three")
    damage(file)
    const [one, two, three] = await Effect.runPromise(
      Effect.all([Effect.either(ask("one")), Effect.either(ask("two")), Effect.either(ask("three"))]).pipe(
        Effect.provide(replay(dir)),
      ),
    )
    expect([two, three].map((result) => Either.isRight(result) && result.right.text)).toEqual([
      "reply to two",
      "reply to three",
    ])
    expect(Either.isLeft(one) && one.left).toMatchObject({ reason: "NotRecorded" })
  },
)

test.each([
  [1, ""],
  [2, " and 1 more"],
  [3, " and 2 more"],
])(
  "of %d files that cannot be read the first is told, once, and how many more there are",
  async (count, others) => {
    const { dir } = await recordingOf("one", "two", "three")
    const names = readdirSync(dir).filter((name) => name !== "recording.json")
    for (const name of names.slice(0, count)) truncateSync(join(dir, name), 0)
    const warnings = await warningsOf(dir)
    expect(warnings).toHaveLength(1)
    const told = names
      .slice(0, count)
      .map((name) => `${join(dir, name)}${others} cannot be read: those exchanges are missing`)
    expect(told).toContain(warnings[0] ?? "")
  },
)

test("of files that cannot be read the first by name is told", async () => {
  const { dir } = await recordingOf(...Array.from({ length: 12 }, (_, i) => `prompt ${i}`))
  const names = readdirSync(dir)
    .filter((name) => name !== "recording.json")
    .toSorted()
  for (const name of names) truncateSync(join(dir, name), 0)
  const warnings = await warningsOf(dir)
  expect(warnings).toEqual([
    `${join(dir, names[0] ?? "")} and 11 more cannot be read: those exchanges are missing`,
  ])
})

const inTheWay: ReadonlyArray<readonly [string, (path: string) => void]> = [
  ["is a pipe", (path) => void Bun.spawnSync(["mkfifo", path])],
  ["is a link", (path) => symlinkSync("/dev/null", path)],
  ["EISDIR", (path) => mkdirSync(path)],
]

describe.each(inTheWay)("where the file of the times %s", (why, make) => {
  test("a recording is refused before anything is done", async () => {
    const dir = runFolder()
    make(join(dir, "times.jsonl"))
    const refused = await Effect.runPromise(Effect.flip(Effect.provide(Effect.void, RunClock.remember(dir))))
    expect(refused).toMatchObject({ _tag: "DatasetError", reason: "Unwritable" })
    expect(refused.message).toStartWith(`the times of the recording ${dir} are not kept: `)
    expect(refused.message).toContain(why)
  })

  test("later on, that is told once and the run goes on", async () => {
    const dir = runFolder()
    const warnings: Array<string> = []
    const logger = Logger.make(({ message }) => warnings.push(String(message)))
    const times = Effect.flatMap(RunClock.RunClock, (clock) =>
      Effect.gen(function* () {
        yield* clock.seconds("a", 1)
        rmSync(join(dir, "times.jsonl"))
        make(join(dir, "times.jsonl"))
        return [yield* clock.seconds("b", 2), yield* clock.seconds("c", 3)]
      }),
    )
    const measured = await times.pipe(
      Effect.provide(RunClock.remember(dir)),
      Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
      Effect.runPromise,
    )
    expect(measured).toEqual([2, 3])
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain(why)
    expect(warnings[0]).toEndWith("; the run goes on, and a replay will have other times")
  })
})

test("times that a crash has cut off are missing; the rest is repeated", async () => {
  const dir = join(runFolder(), "times")
  const twoTimes = Effect.flatMap(RunClock.RunClock, (clock) =>
    Effect.all([clock.utc("a"), clock.seconds("b", 2)]),
  )
  const [utc] = await Effect.runPromise(Effect.provide(twoTimes, RunClock.remember(dir)))
  const file = join(dir, "times.jsonl")
  truncateSync(file, readFileSync(file).length - 5)
  const later = Effect.flatMap(RunClock.RunClock, (clock) =>
    Effect.all([clock.utc("a"), clock.seconds("b", 3)]),
  )
  expect(await Effect.runPromise(Effect.provide(later, RunClock.repeat(dir)))).toEqual([utc, 3])
})

test("a request that was recorded elsewhere only gets the reply to the same attempt, or else any", async () => {
  const dir = join(runFolder(), "elsewhere")
  const asked = (videoId: string, attempt: number): ModelRequest => ({
    ...requestOf("again"),
    videoId,
    attempt,
  })
  let replies = 0
  const numbered = Layer.map(echo, (context) => {
    const { config, complete } = Context.get(context, VisionModel)
    return Context.make(VisionModel, {
      config,
      complete: (request) =>
        Effect.map(complete(request), (reply) => ({ ...reply, text: `reply ${++replies}` })),
    })
  })
  const places = [asked("b", 3), asked("b", 1), asked("b", 2), asked("a", 1), asked("a", 2)]
  const all = (requests: ReadonlyArray<ModelRequest>) =>
    Effect.flatMap(VisionModel, ({ complete }) => Effect.forEach(requests, (request) => complete(request)))
  await Effect.runPromise(Effect.provide(all(places), Layer.provide(record(dir, writeLocalFile), numbered)))
  const texts = async (...requests: ReadonlyArray<ModelRequest>) =>
    (await Effect.runPromise(Effect.provide(all(requests), replay(dir)))).map(({ text }) => text)
  expect(await texts(...places)).toEqual(["reply 1", "reply 2", "reply 3", "reply 4", "reply 5"])
  const [third, fourth] = await texts(asked("renamed", 3), asked("renamed", 4))
  expect(third).toBe("reply 1")
  expect(fourth).toMatch(/^reply [1-5]$/u)
})

test("what a model of one's own says of itself is replayed as it was said, to the byte", async () => {
  const said = {
    kind: "in-house",
    model: "own",
    checkpoint: "4,000",
    temperature: 0,
    nested: { bits: [8, null] },
  }
  const own = Layer.map(echo, (built) =>
    Context.add(built, VisionModel, { ...Context.get(built, VisionModel), config: said }),
  )
  const dir = join(runFolder(), "recording")
  await Effect.runPromise(Effect.provide(ask("one"), Layer.provide(record(dir, writeLocalFile), own)))
  const { config, text } = await Effect.gen(function* () {
    const { text } = yield* ask("one")
    return { text, config: (yield* VisionModel).config }
  }).pipe(Effect.provide(replay(dir)), Effect.runPromise)
  expect(text).toBe("reply to one")
  expect(JSON.stringify(config)).toBe(JSON.stringify(said))
})
