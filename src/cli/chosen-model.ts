import { join, resolve } from "node:path"
import { Effect, Layer, Option } from "effect"
import { eventsFile } from "../dataset/layout.ts"
import * as Layers from "../layers.ts"
import { publicAddress } from "../model/client/endpoint.ts"
import { protocolIn } from "../model/client/settings.ts"
import { wantedOf } from "../model/client/wanted.ts"
import { familyOf } from "../model/families.ts"
import { priceIn, priceInBatch, priceOf } from "../model/money.ts"
import type { Flags } from "./flag.ts"
import type { input } from "./flags/input.ts"
import { batchSettingsOf } from "./model-batches.ts"
import { type ModelFlags, resolveModel } from "./model-settings.ts"

type Given = ModelFlags & Pick<Flags<typeof input>, "outputRoot" | "preflightOnly">

/** What answers without a service: nothing is known of it, and nothing is paid. */
const unpriced = { family: {}, price: undefined, address: undefined, batched: undefined } as const

/** The model the flags ask for, as a layer; `name` and `kind` for messages and estimates. */
export const chosenModel = Effect.fn("Cli.model")(function* (given: Given) {
  // What is only looked at leaves nothing.
  const isLookedAt = given.dryRun || given.preflightOnly
  const folder = isLookedAt ? undefined : Option.getOrUndefined(given.record)
  if (Option.isSome(given.replay)) {
    const dir = resolve(given.replay.value)
    return {
      name: "replay",
      ...unpriced,
      layer: Layer.merge(Layers.replay(dir), Layers.repeatTimes(dir)),
    }
  }
  const settings = yield* resolveModel(given, process.env)
  const log = isLookedAt ? Layer.empty : Layers.callLog(join(resolve(given.outputRoot), eventsFile))
  const batching =
    settings === undefined || !given.batchApi ? undefined : yield* batchSettingsOf(settings, given)
  // Who only looks leaves batches alone, too.
  const batched =
    settings === undefined || batching === undefined || isLookedAt
      ? undefined
      : Layer.provide(Layers.batchedService(settings, batching), log)
  const live =
    batched ?? (settings === undefined ? Layers.rehearsal : Layer.provide(Layers.service(settings), log))
  const layer =
    folder === undefined
      ? live
      : Layer.merge(
          Layer.provide(Layers.record(resolve(folder)), live),
          Layers.rememberTimes(resolve(folder)),
        )
  if (settings === undefined) return { name: "rehearsal", ...unpriced, layer }
  const { apiBase, model: name, price = {}, sendMaxSidePx } = settings
  const family = familyOf(name, settings.families)
  const { detail, serviceTier } = wantedOf(settings, protocolIn(settings), family).wanted
  return {
    name,
    family,
    ...(detail === undefined ? {} : { detail }),
    ...(sendMaxSidePx === undefined ? {} : { sendMaxSidePx }),
    price: given.batchApi ? priceInBatch(priceOf(name, price)) : priceIn(priceOf(name, price), serviceTier),
    address: publicAddress(apiBase),
    layer,
    /** The same with `--batch`: who runs it has to hand in what comes together. */
    batched,
  }
})
