import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Either, Layer } from "effect"
import { defaultSettings, type RunSettings } from "../../src/config.ts"
import { type FinishedVideo, openVideo } from "../../src/dataset/open.ts"
import * as Layers from "../../src/layers.ts"
import { Pipeline } from "../../src/pipeline.ts"
import type { GoldVideo } from "../../src/quality/gold.ts"
import { pairVideos, predictionOf } from "../../src/quality/pairing.ts"
import { type Score, scoreVideos } from "../../src/quality/score.ts"
import { film } from "./film.ts"
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

export interface QualitySettings {
  /** Length of each video in seconds. */
  readonly durationSec: number
  /** One world each. */
  readonly seeds: ReadonlyArray<number>
  /** Without errors of the model: what is wrong then is wrong with what it was shown. */
  readonly exact?: boolean
  /** With the plates painted over. */
  readonly blind?: boolean
  readonly run?: Partial<RunSettings>
}

export interface QualityResult {
  readonly score: Score
  /** Videos that could not be finished, with the reason. */
  readonly failures: ReadonlyArray<string>
  /** Calls a video. */
  readonly calls: number
  /** Seconds between the pictures of the full-video pool, on average. */
  readonly spacingSec: number
}

/** Films worlds, runs the pipeline on them and scores what it says against what happened. */
export const measureQuality = ({
  durationSec,
  seeds,
  exact = false,
  blind = false,
  run = {},
}: QualitySettings) =>
  Effect.gen(function* () {
    const dir = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "triptych-bench-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
    )
    const worlds = seeds.map((seed) => makeWorld(seed, durationSec))
    const { url } = yield* service(exact ? ["--exact"] : [])
    const settings: RunSettings = { ...defaultSettings, outputRoot: join(dir, "dataset"), ...run }
    const model = Layers.openai({
      apiBase: `${url}/v1`,
      model: "loopback",
      temperature: 0,
      callRetries: 0,
      callRetryBackoffSec: 1,
    })
    const services = Layer.provide(Layers.pipeline, Layer.merge(Layers.video(), model))
    const failures: Array<string> = []
    const finished: Array<FinishedVideo> = []
    yield* Effect.flatMap(Pipeline, (pipeline) =>
      Effect.forEach(worlds, (world) =>
        Effect.gen(function* () {
          const file = yield* Effect.promise(() => film(world, dir, { blind }))
          const result = yield* Effect.either(pipeline.runVideo(file, settings))
          rmSync(file)
          if (Either.isLeft(result)) failures.push(result.left.message)
          else finished.push(yield* openVideo(result.right.folder))
        }),
      ),
    ).pipe(Effect.provide(services))
    const { videos } = pairVideos(worlds.map(goldOf), finished.map(predictionOf))
    const calls = finished.reduce((sum, { summary }) => sum + (summary.totals?.calls ?? 0), 0)
    return {
      score: scoreVideos(videos),
      failures,
      calls: calls / Math.max(1, finished.length),
      spacingSec: durationSec / settings.maxFrames,
    } satisfies QualityResult
  }).pipe(Effect.scoped)
