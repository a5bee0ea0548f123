import { resolve } from "node:path"
import { Args, Command } from "@effect/cli"
import { Console, Effect, Option } from "effect"
import { writeLocalFile } from "../dataset/local-store.ts"
import { jsonText } from "../dataset/store.ts"
import { type Agreement, agreementOf, type Comparison, compareRuns } from "../quality/compare.ts"
import { pairVideos } from "../quality/pairing.ts"
import * as flags from "./flags/scoring.ts"
import { segmentsAt } from "./runs.ts"
import { exitCode, UsageError } from "./usage.ts"

const share = (value: number): string => value.toFixed(3)
const signed = (value: number): string => `${value < 0 ? "-" : "+"}${Math.abs(value).toFixed(3)}`
const name = 36

const row = (title: string, ...cells: ReadonlyArray<string>): string =>
  `  ${title.padEnd(name)}${cells.map((cell) => cell.padStart(9)).join("")}`

const mostNamed = 10

const verdict = (figures: Comparison["figures"]): string => {
  const better = figures.filter(({ low }) => low > 0).length
  const worse = figures.filter(({ high }) => high < 0).length
  if (better + worse === 0) return "No difference shown: every interval includes zero."
  const parts = [
    ...(better > 0 ? [`B is better in ${better}`] : []),
    ...(worse > 0 ? [`A is better in ${worse}`] : []),
  ]
  return `A difference is shown in the figures marked *: ${parts.join(", ")} of ${figures.length}.`
}

const comparisonLines = ({ videos, figures, moved }: Comparison): ReadonlyArray<string> => {
  return [
    `${videos} videos that both runs and the gold have`,
    "",
    row("", "A", "B", "B - A", "from", "to"),
    ...figures.map(
      ({ name: title, a, b, low, high, isShown }) =>
        `${row(title, share(a), share(b), signed(b - a), signed(low), signed(high))}${isShown ? "  *" : ""}`,
    ),
    "",
    ...(moved.length === 0
      ? ["No video changed (segment F1 at IoU 0.5)."]
      : [
          `${moved.length} videos changed (segment F1 at IoU 0.5), most first:`,
          ...moved
            .slice(0, mostNamed)
            .map((video) => `  ${video.videoId}: ${share(video.a)} -> ${share(video.b)}`),
        ]),
    "",
    verdict(figures),
  ]
}

const agreementLines = (agreement: Agreement): ReadonlyArray<string> => [
  `${agreement.videos} videos that both runs have; without gold, how far they say the same`,
  "",
  row("segments at IoU 0.5", share(agreement.segmentsAtHalf)),
  row("segments at IoU 0.75", share(agreement.segmentsAtThreeQuarters)),
  ...agreement.borders.map(({ at, f1 }) => row(`boundaries within ${at} s, one to one`, share(f1))),
  row("words of matching labels", share(agreement.labels)),
]

const run = Args.text({ name: "A" })
const other = Args.text({ name: "B" })

/** `compare A B`: two runs against the same gold, with intervals; without gold, how far they agree. */
export const compareCommand = (report: (code: number) => Effect.Effect<void>) =>
  Command.make("compare", { ...flags.compare, a: run, b: other }, (given) =>
    Effect.gen(function* () {
      const a = yield* segmentsAt(resolve(given.a))
      const b = yield* segmentsAt(resolve(given.b))
      const nothing = new UsageError({
        message: `nothing to compare: no video is in both ${given.a} and ${given.b}${Option.isSome(given.gold) ? " and in the gold" : ""}`,
      })
      const result = Option.isNone(given.gold)
        ? { agreement: agreementOf(pairVideos(a, b).videos) }
        : yield* Effect.map(segmentsAt(resolve(given.gold.value)), (gold) => ({
            comparison: compareRuns(pairVideos(gold, a).videos, pairVideos(gold, b).videos),
          }))
      const { videos } = "agreement" in result ? result.agreement : result.comparison
      if (videos === 0) return yield* nothing
      const lines =
        "agreement" in result ? agreementLines(result.agreement) : comparisonLines(result.comparison)
      yield* Console.log(given.json ? jsonText(result).trimEnd() : lines.join("\n"))
      if (Option.isSome(given.reportJson))
        yield* writeLocalFile(resolve(given.reportJson.value), jsonText(result))
      yield* report(exitCode.done)
    }),
  )
