import { join, resolve } from "node:path"
import { Effect, Layer, Option } from "effect"
import { eventsFile } from "../dataset/layout.ts"
import { expectedModel, unpaidModel } from "../dry-run.ts"
import * as Layers from "../layers.ts"
import { publicAddress } from "../model/client/endpoint.ts"
import type { VisionModel } from "../model/VisionModel.ts"
import type { Flags } from "./flag.ts"
import type { input } from "./flags/input.ts"
import { batchSettingsOf } from "./model-batches.ts"
import { accountOf, type ModelFlags, resolveModel } from "./model-settings.ts"

type Given = ModelFlags & Pick<Flags<typeof input>, "outputRoot" | "preflightOnly">

/** What answers without a service. */
const unserved = (given: Given) => ({
  address: undefined,
  batched: undefined,
  expected: { ...unpaidModel, limits: accountOf(given).limits },
})

/** The model the flags ask for, as a layer; `name` and `address` for messages, `expected` for estimates. */
export const chosenModel = Effect.fn("Cli.model")(function* (given: Given) {
  // What is only looked at leaves nothing.
  const isLookedAt = given.dryRun || given.preflightOnly
  const folder = isLookedAt ? undefined : Option.getOrUndefined(given.record)
  if (Option.isSome(given.replay)) {
    const dir = resolve(given.replay.value)
    return {
      name: "replay",
      ...unserved(given),
      layer: Layer.merge(Layers.replay(dir), Layers.repeatTimes(dir)),
    }
  }
  const recorded = <E>(live: Layer.Layer<VisionModel, E>) =>
    folder === undefined
      ? live
      : Layer.merge(
          Layer.provide(Layers.record(resolve(folder)), live),
          Layers.rememberTimes(resolve(folder)),
        )
  const settings = yield* resolveModel(given, process.env)
  if (settings === undefined)
    return { name: "rehearsal", ...unserved(given), layer: recorded(Layers.rehearsal) }
  const log = isLookedAt ? Layer.empty : Layers.callLog(join(resolve(given.outputRoot), eventsFile))
  const isOffline = Option.isSome(given.batchDir)
  const batching = given.batchApi || isOffline ? yield* batchSettingsOf(settings, given) : undefined
  // Who only looks leaves batches alone, too.
  const batched =
    batching === undefined || isLookedAt
      ? undefined
      : Layer.provide(Layers.batchedService(settings, batching), log)
  const live = Layer.provide(Layers.service(settings), log)
  const looked = batching === undefined ? live : Layers.withBatches(live, settings, batching)
  return {
    name: settings.model,
    /** Undefined where no service is asked. */
    address: isOffline ? undefined : publicAddress(settings.apiBase),
    expected: expectedModel(settings, given.batchApi ? "batch" : "online"),
    layer: recorded(batched ?? looked),
    /** The same with `--batch` or `--batch-dir`: who runs it has to submit what comes together. */
    batched,
  }
})
