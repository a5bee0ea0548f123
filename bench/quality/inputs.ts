import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { defaultSettings, defaultSheet, type RunSettings } from "../../src/config.ts"
import { expectedModel, expect as expectRun } from "../../src/dry-run.ts"
import * as Layers from "../../src/layers.ts"
import type { BenchCase, Figures } from "../case.ts"
import { type Film, halfHour, makeFilm } from "../cost/film.ts"
import { vendorModels } from "../cost/rules.ts"
import { foundWithin, medianError } from "./found.ts"
import { measureVariants, type Variant, type WorldSettings } from "./measure.ts"

/** How pools are shown: as by default, in sheets where a whole video is seen, and in sheets everywhere. */
const inputs = [
  { name: "frames", run: {} },
  { name: "sheets", run: { poolSheet: defaultSheet } },
  { name: "all_sheets", run: { poolSheet: defaultSheet, stepSheet: defaultSheet } },
] as const satisfies ReadonlyArray<Variant>

/** What is found of the same videos in each way. The simulated model errs alike: what differs is what can be read in the images. */
const scoreFigures = async (worlds: WorldSettings): Promise<Figures> => {
  const results = await Effect.runPromise(measureVariants(worlds, inputs))
  return Object.fromEntries(
    results.flatMap(({ failures, found, score }, i) => {
      const name = inputs[i]?.name ?? ""
      return [
        [`${name}_failed`, failures.length],
        [`${name}_f1_iou_50`, score.segments.find(({ at }) => at === 0.5)?.f1 ?? 0],
        [`${name}_median_error_sec`, medianError(found) ?? "none"],
        [`${name}_found_within_a_second`, foundWithin(found, 1)],
      ]
    }),
  )
}

/** Models of the families whose rules are known, each with the protocol that its vendor speaks. */
const models = [
  ...vendorModels.map(({ name, protocol }) => ({ name, protocol })),
  { name: "qwen2.5-vl-72b-instruct", protocol: "chat" },
  { name: "qwen3-vl-235b-a22b-instruct", protocol: "chat" },
] as const

type CountedModel = (typeof models)[number]

/** Input tokens of a video that nothing is known of yet, as its dry run counts them. */
const tokensOf = async (
  file: string,
  dir: string,
  { name, protocol }: CountedModel,
  run: Partial<RunSettings>,
) => {
  const service = {
    protocol,
    model: name,
    apiBase: "http://127.0.0.1:9",
    callRetries: 0,
    callRetryBackoffSec: 0,
  }
  const settings = { ...defaultSettings, outputRoot: join(dir, "none"), ...run } satisfies RunSettings
  const { failures, promptTokens } = await expectRun([file], settings, expectedModel(service), 1).pipe(
    Effect.provide(Layer.mergeAll(Layers.video(), Layers.service(service), Layers.localRoots)),
    Effect.runPromise,
  )
  if (failures.length > 0) throw new Error(failures.map(({ message }) => message).join("; "))
  return promptTokens
}

/** Where sheets are an input for the whole video. */
const wholeVideo = { stages: ["draft", "localize"] } satisfies Partial<RunSettings>

/** What sheets take of the tokens that frames take: in Stages 1 and 2, and in a whole run. */
export const tokenFigures = async (model: CountedModel, film: Film): Promise<Figures> => {
  const dir = mkdtempSync(join(tmpdir(), "triptych-bench-"))
  try {
    const file = await makeFilm(film, dir)
    const [frames, sheets, all] = inputs.map(({ run }) => run)
    const count = (run: Partial<RunSettings> = {}) => tokensOf(file, dir, model, run)
    const [early, whole] = [await count({ ...frames, ...wholeVideo }), await count(frames)]
    const earlySheets = await count({ ...sheets, ...wholeVideo })
    return {
      frames_tokens: early,
      sheets_tokens: earlySheets,
      percent: (100 * earlySheets) / early,
      whole_run_tokens: whole,
      whole_run_percent: (100 * (await count(sheets))) / whole,
      whole_run_percent_all_sheets: (100 * (await count(all))) / whole,
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

const lengths = [
  { name: "1 minute", durationSec: 60 },
  { name: "10 minutes", durationSec: 600 },
  { name: "30 minutes", durationSec: 1800 },
] as const

/** What contact sheets as input find and take, beside frames. */
export const inputCases = (quick: boolean): ReadonlyArray<BenchCase> => {
  const seeds = Array.from({ length: quick ? 1 : 8 }, (_, i) => i + 1)
  // Of the frames that no image shows nothing is counted.
  const film = { ...halfHour, frames: 60, secondsPerFrame: 30, ...(quick ? { width: 320, height: 180 } : {}) }
  return [
    ...(quick ? lengths.slice(0, 1) : lengths).map(({ name, durationSec }) => ({
      name: `input: score, ${name}`,
      run: () => scoreFigures({ durationSec, seeds }),
    })),
    ...(quick ? models.slice(0, 1) : models).map((model) => ({
      name: `input: tokens, ${model.name}`,
      run: () => tokenFigures(model, film),
    })),
  ]
}
