import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { BenchCase, Figures } from "../case.ts"
import { batchBillFor } from "./batch.ts"
import { type Film, halfHour, makeFilm } from "./film.ts"
import { asItIs, type Bill, before, billFor, flex, small } from "./measure.ts"
import { type VendorModel, vendorModels } from "./rules.ts"

/** Which answers are rejected at first. */
const seed = 1

/** What one model costs on a video, in each manner, in US dollars per hour of video and in percent of what it was before. */
export const costOf = async (video: string, model: VendorModel, { frames, secondsPerFrame }: Film) => {
  const hours = (frames * secondsPerFrame) / 3600
  const was = await billFor(video, model, before, seed)
  const percentOf = ({ dollars }: Bill) => (100 * dollars) / was.dollars
  const perHour = ({ dollars }: Bill) => dollars / hours
  const is = await billFor(video, model, asItIs, seed)
  const withSmall = await billFor(video, model, small, seed)
  const half =
    model.half === "batch" ? await batchBillFor(video, model, seed) : await billFor(video, model, flex, seed)
  return {
    protocol: model.protocol,
    calls: is.calls.length,
    re_asks: is.calls.filter(({ isReAsk }) => isReAsk).length,
    usd_per_hour_before: perHour(was),
    usd_per_hour: perHour(is),
    percent: percentOf(is),
    usd_per_hour_512: perHour(withSmall),
    percent_512: percentOf(withSmall),
    half_by: model.half,
    usd_per_hour_half: perHour(half),
    percent_half: percentOf(half),
  } satisfies Figures
}

/** What a video hour costs with models of each family. `quick` takes a small picture: to see that it runs. */
export const costCases = (quick: boolean): ReadonlyArray<BenchCase> => {
  const film = quick ? { ...halfHour, width: 320, height: 180 } : halfHour
  const models = quick ? vendorModels.slice(0, 1) : vendorModels
  return models.map((model) => ({
    name: `cost: ${model.name}`,
    run: async () => {
      const dir = mkdtempSync(join(tmpdir(), "triptych-bench-"))
      try {
        return await costOf(await makeFilm(film, dir), model, film)
      } finally {
        rmSync(dir, { recursive: true, force: true })
      }
    },
  }))
}
