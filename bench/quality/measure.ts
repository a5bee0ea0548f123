import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Either, Layer } from "effect"
import * as v from "valibot"
import { defaultSettings, type RunSettings } from "../../src/config.ts"
import { layout } from "../../src/dataset/layout.ts"
import { type FinishedVideo, openVideo } from "../../src/dataset/open.ts"
import { readingsSchema } from "../../src/dataset/records.ts"
import * as Layers from "../../src/layers.ts"
import { Pipeline } from "../../src/pipeline.ts"
import type { GoldVideo } from "../../src/quality/gold.ts"
import { pairVideos, predictionOf } from "../../src/quality/pairing.ts"
import { type Score, scoreVideos } from "../../src/quality/score.ts"
import { type DoubtedVideo, type DoubtFigures, doubtFigures } from "./doubt.ts"
import { film } from "./film.ts"
import { type FoundBorders, foundBorders } from "./found.ts"
import { actionName, makeWorld, type World } from "./world.ts"

/** The truth of a world as gold. */
export const goldOf = ({ videoId, durationSec, steps }: World): GoldVideo => ({
  videoId,
  durationSec,
  segments: steps.map(({ startSec, endSec, action }) => ({
    startSec,
    endSec,
    label: `Do the ${actionName(action)}`,
  })),
})

/** A model service in a process of its own, which ends with the scope. */
const service = (args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = Bun.spawn([process.execPath, join(import.meta.dir, "service.ts"), ...args], {
        stdout: "pipe",
        stderr: "inherit",
      })
      const { value } = await child.stdout.getReader().read()
      return { child, url: new TextDecoder().decode(value).trim() }
    }),
    ({ child }) => Effect.sync(() => child.kill()),
  )

/** The same videos run in another way. */
export interface Variant {
  readonly name: string
  readonly run: Partial<RunSettings>
}

export interface WorldSettings {
  /** Length of each video in seconds. */
  readonly durationSec: number
  /** One world each. */
  readonly seeds: ReadonlyArray<number>
  /** Without errors of the model: what is wrong then is wrong with what it was shown. */
  readonly exact?: boolean
  /** With the plates painted over. */
  readonly blind?: boolean
}

export interface QualitySettings extends WorldSettings {
  readonly run?: Partial<RunSettings>
}

export interface QualityResult {
  readonly score: Score
  /** Distances of borders of the steps that were found from what happened. */
  readonly found: FoundBorders
  /** How flags go with what is wrong. */
  readonly doubt: DoubtFigures
  /** Videos that could not be finished, with the reason. */
  readonly failures: ReadonlyArray<string>
  /** Calls a video. */
  readonly calls: number
  /** Input tokens a video, counted as `service.ts` counts them. */
  readonly promptTokens: number
  /** Seconds between the pictures of the full-video pool, on average. */
  readonly spacingSec: number
}

const meanOf = (videos: ReadonlyArray<FinishedVideo>, of: (video: FinishedVideo) => number): number =>
  videos.reduce((sum, video) => sum + of(video), 0) / Math.max(1, videos.length)

/** How far readings of each border lie apart, by step and side; nothing if there is one reading. */
const spreadsIn = (folder: string) =>
  Effect.promise(async (): Promise<ReadonlyMap<string, number>> => {
    const { dir, record } = layout.readings
    const file = Bun.file(join(folder, layout.stage2.dir, dir, record))
    if (!(await file.exists())) return new Map()
    const { borders } = v.parse(readingsSchema, await file.json())
    return new Map(borders.map(({ side, spread_frames, step_id }) => [`${step_id} ${side}`, spread_frames]))
  })

/** Films worlds once, runs the pipeline on them in each way, and scores what it says against what happened. */
export const measureVariants = (
  { durationSec, seeds, exact = false, blind = false }: WorldSettings,
  variants: ReadonlyArray<Variant>,
) =>
  Effect.gen(function* () {
    const dir = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "triptych-bench-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
    )
    const worlds = seeds.map((seed) => makeWorld(seed, durationSec))
    const { url } = yield* service(exact ? ["--exact"] : [])
    const model = Layers.openai({
      apiBase: `${url}/v1`,
      model: "loopback",
      temperature: 0,
      callRetries: 0,
      callRetryBackoffSec: 1,
    })
    const services = Layer.provide(Layers.pipeline, Layer.merge(Layers.video(), model))
    const runs = variants.map(({ name, run }) => ({
      settings: { ...defaultSettings, outputRoot: join(dir, name), ...run } satisfies RunSettings,
      failures: [] as string[],
      finished: [] as FinishedVideo[],
      doubted: [] as DoubtedVideo[],
    }))
    yield* Effect.flatMap(Pipeline, (pipeline) =>
      Effect.forEach(worlds, (world) =>
        Effect.gen(function* () {
          const file = yield* Effect.promise(() => film(world, dir, { blind }))
          for (const { doubted, failures, finished, settings } of runs) {
            const result = yield* Effect.either(pipeline.runVideo(file, settings))
            if (Either.isLeft(result)) {
              failures.push(result.left.message)
              continue
            }
            const video = yield* openVideo(result.right.folder)
            finished.push(video)
            doubted.push({ world, video, spreads: yield* spreadsIn(result.right.folder) })
          }
          rmSync(file)
        }),
      ),
    ).pipe(Effect.provide(services))
    return runs.map(({ doubted, failures, finished, settings }): QualityResult => {
      const { videos } = pairVideos(worlds.map(goldOf), finished.map(predictionOf))
      return {
        score: scoreVideos(videos),
        found: foundBorders(worlds, finished),
        doubt: doubtFigures(doubted, durationSec / settings.maxFrames),
        failures,
        calls: meanOf(finished, ({ summary }) => summary.totals?.calls ?? 0),
        promptTokens: meanOf(finished, ({ summary }) => summary.totals?.prompt_tokens ?? 0),
        spacingSec: durationSec / settings.maxFrames,
      }
    })
  }).pipe(Effect.scoped)

/** The same in one way. */
export const measureQuality = ({ run = {}, ...worlds }: QualitySettings) =>
  Effect.flatMap(measureVariants(worlds, [{ name: "dataset", run }]), ([result]) =>
    result === undefined ? Effect.dieMessage("a way to run gives one result") : Effect.succeed(result),
  )
