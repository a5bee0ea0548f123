import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { cpSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { Effect, Either, Layer, Redacted } from "effect"
import type { RunSettings } from "../../src/config.ts"
import { expectedModel, expect as expectRun } from "../../src/dry-run.ts"
import * as Layers from "../../src/layers.ts"
import type { BatchSettings } from "../../src/model/batch-api/batches.ts"
import { ModelBatches } from "../../src/model/batch-api/ModelBatches.ts"
import type { ServiceSettings } from "../../src/model/client/settings.ts"
import { Pipeline } from "../../src/pipeline.ts"
import { answerTo } from "../support/batch-answers.ts"
import type { BatchApiName } from "../support/batch-apis.ts"
import { type HandedIn, startBatchServer } from "../support/batch-server.ts"
import { stageOf } from "../support/chat-server.ts"
import { answerTokens, countedText, jpegPixels, variedAnswer } from "../support/counted-answers.ts"
import { temporaryFolder } from "../support/folders.ts"
import { oneIn } from "../support/long.ts"
import { makeVideo } from "../support/media.ts"
import { stampsBelow } from "../support/run-cli.ts"
import { quickSettings } from "../support/run-pipeline.ts"
import { readVendorBody } from "../support/vendor-bodies.ts"

const steps = 5
const maxFrames = 15
const price = { in: 2, cached: 2, out: 8 }

/** A request as the service understands it, and what it takes, as models count that. */
const readLine = (api: BatchApiName, { body }: HandedIn) => {
  const read = readVendorBody[api === "anthropic" ? "anthropic" : "chat"]
  const { maxTokens = Number.POSITIVE_INFINITY, parts, system } = read(body, new URL("http://localhost"))
  const texts = [system, ...parts.filter((part) => typeof part === "string")]
  const pictures = parts.filter((part) => typeof part !== "string")
  const [prompt = ""] = texts.slice(1)
  const stage = stageOf(prompt)
  const tokens = [
    ...texts.map(countedText),
    ...pictures.map((picture) => Math.ceil(jpegPixels(picture) / 750)),
  ]
  const usage = {
    prompt: tokens.reduce((sum, one) => sum + one, 0),
    completion: Math.min(answerTokens[stage], maxTokens),
  }
  return { stage, pictures: pictures.length, usage }
}

const serverOf = (api: BatchApiName) => {
  let isVaried = false
  const server = startBatchServer({
    api,
    isStrict: true,
    steps,
    looksUntilEnd: 0,
    fateOf: (line) => {
      const { stage, usage } = readLine(api, line)
      const good = answerTo(line, steps)
      return { type: "answer", usage, text: isVaried ? variedAnswer(stage, good) : good }
    },
  })
  const vary = (now: boolean) => {
    isVaried = now
  }
  return { ...server, vary }
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let video: string
let servers: Readonly<Record<BatchApiName, ReturnType<typeof serverOf>>>
/** Output roots that tests copy. */
const made = (api: BatchApiName) => join(folder.path, `made-${api}`)

type Asking = Pick<ServiceSettings, "maxTokens" | "sendMaxSidePx">

const serviceAt = (api: BatchApiName, asking: Asking = {}): ServiceSettings => ({
  apiKey: Redacted.make("key-for-tests"),
  apiBase: servers[api].url,
  protocol: api === "anthropic" ? "anthropic" : "chat",
  model: "loopback-vlm",
  temperature: 0.2,
  callRetries: 0,
  callRetryBackoffSec: 0,
  price,
  ...asking,
})

const batchingIn = (root: string): BatchSettings => ({ folder: join(root, ".batch/api") })
const settings = (root: string, changes: Partial<RunSettings> = {}) =>
  quickSettings(root, { maxFrames, ...changes })

/** Goes on with a video, some times: each time with what has come, and what can be asked next is submitted. */
const goOn = (wanted: RunSettings, service: ServiceSettings, times: number, fetchesLast = false) =>
  Effect.gen(function* () {
    const { collect, submit } = yield* ModelBatches
    const pipeline = yield* Pipeline
    for (let i = 0; i < times; i++) {
      yield* collect
      const ended = yield* Effect.either(pipeline.runVideo(video, wanted))
      if (Either.isRight(ended)) return
      if (ended.left._tag !== "StageFailed" || ended.left.reason !== "Deferred") return yield* ended.left
      yield* submit
    }
    if (fetchesLast) yield* collect
  }).pipe(
    Effect.provide(
      Layer.provideMerge(
        Layers.pipeline,
        Layer.merge(Layers.video(), Layers.batchedService(service, batchingIn(wanted.outputRoot))),
      ),
    ),
    Effect.scoped,
    Effect.runPromise,
  )

const foresee = (wanted: RunSettings, service: ServiceSettings) => {
  const model = Layers.withBatches(Layers.service(service), service, batchingIn(wanted.outputRoot))
  return expectRun([video], wanted, expectedModel(service, "batch"), 8).pipe(
    Effect.provide(Layer.mergeAll(Layers.video(), model, Layers.localRoots)),
    Effect.runPromise,
  )
}

beforeAll(async () => {
  folder = await temporaryFolder()
  video = await makeVideo({ dir: folder.path, name: "cup.mp4", frames: 96 })
  servers = { openai: serverOf("openai"), anthropic: serverOf("anthropic") }
  for (const api of ["openai", "anthropic"] as const) await goOn(settings(made(api)), serviceAt(api), 9)
})
afterAll(async () => {
  for (const server of Object.values(servers)) await server[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

/** Brings a folder to where a case begins. */
type State = (root: string, service: ServiceSettings) => unknown

const nothing: State = () => undefined
const everything: State = (root) => rmSync(root, { recursive: true })
const remove =
  (...names: ReadonlyArray<string>): State =>
  (root) => {
    for (const name of names) rmSync(join(root, "cup", name), { recursive: true })
  }
/** From nothing, so many waves are submitted; the last one has come, or not. */
const waves =
  (count: number, hasCome: boolean): State =>
  async (root, service) => {
    everything(root, service)
    await goOn(settings(root), service, count, hasCome)
  }
const firstSteps =
  (count: number): State =>
  (root, service) =>
    remove(
      ...readdirSync(join(root, "cup"))
        .filter((name) => /^\d\d_/u.test(name))
        .toSorted()
        .slice(0, count),
    )(root, service)

interface Case {
  readonly name: string
  readonly state: State
  readonly calls: number
  readonly changes?: Partial<RunSettings>
  readonly asking?: Asking
}

const overwrite = true
const cases: ReadonlyArray<Case> = [
  { name: "nothing there", state: everything, calls: 7 },
  { name: "nothing there, smaller pictures", state: everything, calls: 7, asking: { sendMaxSidePx: 100 } },
  { name: "nothing there, short answers", state: everything, calls: 7, asking: { maxTokens: 2600 } },
  { name: "nothing there, Stage 1", state: everything, calls: 1, changes: { stages: ["draft"] } },
  {
    name: "nothing there, labels beside the pictures",
    state: everything,
    calls: 7,
    changes: { imageLabels: "text" },
  },
  { name: "finished", state: nothing, calls: 0 },
  { name: "finished, overwrite", state: nothing, calls: 7, changes: { overwrite } },
  {
    name: "finished, overwrite of Stage 3",
    state: nothing,
    calls: 5,
    changes: { overwrite, stages: ["refine"] },
  },
  { name: "finished, other number of frames", state: nothing, calls: 7, changes: { maxFrames: 20 } },
  { name: "two steps missing", state: firstSteps(2), calls: 2 },
  { name: "only Stage 1 there", state: remove("stage2", "causal_plan_with_keyframes.json"), calls: 6 },
  { name: "the draft under way", state: waves(1, false), calls: 6 },
  { name: "the draft has come", state: waves(1, true), calls: 6 },
  { name: "the draft under way, Stage 1", state: waves(1, false), calls: 0, changes: { stages: ["draft"] } },
  {
    name: "the draft under way, other number of frames",
    state: waves(1, false),
    calls: 7,
    changes: { maxFrames: 20 },
  },
  {
    name: "the draft has come, smaller pictures",
    state: waves(1, true),
    calls: 7,
    asking: { sendMaxSidePx: 100 },
  },
  { name: "the ranges under way", state: waves(2, false), calls: 5 },
  { name: "the ranges have come", state: waves(2, true), calls: 5 },
  { name: "the steps under way", state: waves(3, false), calls: 0 },
  { name: "the steps have come", state: waves(3, true), calls: 0 },
  {
    name: "the steps under way, labels beside the pictures",
    state: waves(3, false),
    calls: 5,
    changes: { imageLabels: "text" },
  },
]

describe.each<BatchApiName>(["openai", "anthropic"])(
  "%s: a dry run tells what a run in batches then asks",
  (api) => {
    test.each(oneIn(3, cases).map((one) => [one.name, one] as const))("%s", async (_name, one) => {
      await using place = await temporaryFolder()
      const [root, server] = [join(place.path, "out"), servers[api]]
      const service = serviceAt(api, one.asking)
      cpSync(made(api), root, { recursive: true })
      server.vary(false)
      await one.state(root, serviceAt(api))
      const wanted = settings(root, one.changes)
      const [before, already, begun] = [stampsBelow(place.path), server.asked.length, server.batches.length]
      const foreseen = await foresee(wanted, service)
      expect(stampsBelow(place.path)).toEqual(before)
      expect(server.asked).toHaveLength(already)
      server.vary(true)
      await goOn(wanted, service, 9)
      const lines = server.batches
        .slice(begun)
        .flatMap((batch) => batch.lines.map((line) => readLine(api, line)))
      const sum = (numbers: ReadonlyArray<number>) => numbers.reduce((all, number) => all + number, 0)
      const cost = sum(lines.map(({ usage }) => usage.prompt * price.in + usage.completion * price.out)) / 2e6
      expect({ calls: foreseen.calls, images: foreseen.images, failures: foreseen.failures }).toEqual({
        calls: lines.length,
        images: sum(lines.map(({ pictures }) => pictures)),
        failures: [],
      })
      expect(foreseen.calls).toBe(one.calls)
      // A prompt that tells of an answer that is still missing has about the length that is assumed.
      expect(Math.abs((foreseen.costUsd ?? Number.NaN) - cost)).toBeLessThanOrEqual(cost * 0.02)
    })
  },
)
