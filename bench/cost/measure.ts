import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { defaultSettings, type RunSettings } from "../../src/config.ts"
import { openVideo } from "../../src/dataset/open.ts"
import * as Layers from "../../src/layers.ts"
import type { ServiceSettings } from "../../src/model/client/settings.ts"
import { type ModelFamilies, readFamilies } from "../../src/model/families.ts"
import { Pipeline } from "../../src/pipeline.ts"
import type { VendorModel } from "./rules.ts"
import { type Billed, startVendor } from "./service.ts"

/** How a run is made: what a user could set. */
export interface Manner {
  readonly service?: Partial<ServiceSettings>
  readonly run?: Partial<RunSettings>
}

/** A table that knows nothing of any model: pictures go out as they are on disk, and no cache is thought of. */
const nothingKnown = (): ModelFamilies => {
  const table = readFamilies({ families: [{ pattern: "" }] })
  if (typeof table === "string") throw new Error(table)
  return table
}

/**
 * As it was before models were told apart: pictures of full size, patches without regard to what they do to the cache, and nothing
 * said about caches.
 */
export const before: Manner = { service: { families: nothingKnown() }, run: { repair: "patch" } }

export const asItIs: Manner = {}

export const small: Manner = { service: { sendMaxSidePx: 512 } }

export const flex: Manner = { service: { serviceTier: "flex" } }

export interface Bill {
  readonly calls: ReadonlyArray<Billed>
  /** US dollars, by the vendor. */
  readonly dollars: number
  /** US dollars, as the run counted them; null if it did not know. */
  readonly counted: number | null
}

/** Runs the pipeline on one video against a vendor's server, and brings its bill. */
export const billFor = async (
  video: string,
  model: VendorModel,
  { run = {}, service = {} }: Manner,
  seed: number,
): Promise<Bill> => {
  const root = mkdtempSync(join(tmpdir(), "triptych-bench-"))
  const vendor = startVendor(model, seed)
  const asked = Layers.service({
    apiBase: vendor.url,
    protocol: model.protocol,
    model: model.name,
    callRetries: 0,
    callRetryBackoffSec: 0,
    ...service,
  })
  const services = Layer.provide(Layers.pipeline, Layer.merge(Layers.video(), asked))
  // Clips are no matter here: the pictures of steps come from the source.
  const cut = { ...defaultSettings.cut, mode: "copy" } as const
  const settings: RunSettings = { ...defaultSettings, outputRoot: root, cut, ...run }
  try {
    const { summary } = await Effect.flatMap(Pipeline, (pipeline) => pipeline.runVideo(video, settings)).pipe(
      Effect.flatMap(({ folder }) => openVideo(folder)),
      Effect.provide(services),
      Effect.runPromise,
    )
    return {
      calls: vendor.bill,
      dollars: vendor.bill.reduce((sum, call) => sum + call.dollars, 0),
      counted: summary.totals?.cost_usd ?? null,
    }
  } finally {
    vendor.stop()
    rmSync(root, { recursive: true, force: true })
  }
}
