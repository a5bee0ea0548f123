import { Console, Effect } from "effect"
import { assumedLatencySec, type Expectation } from "../dry-run.ts"
import type { StepBounds } from "../plan/step-range.ts"
import { assumedSteps } from "../stages/likely-steps.ts"
import { printable } from "../text/printable.ts"
import { count, dollars, duration, plural } from "../text/quantity.ts"
import { stdout } from "./output.ts"
import { expectationJson } from "./progress/json.ts"

const lines = (expected: Expectation, steps: StepBounds): ReadonlyArray<string> => [
  `videos        ${count(expected.videos)}`,
  `calls         ${count(expected.calls)} (plans not drafted yet: ${plural(assumedSteps(steps), "step")} assumed)`,
  ...(expected.furtherCalls === 0
    ? []
    : [
        `              and at most ${count(expected.furtherCalls)} more, for what answers may call for: borders that lie outside of where they are looked for first, steps that are refined once more, readings that disagree`,
      ]),
  `images        ${count(expected.images)}`,
  ...(expected.repeated === 0
    ? []
    : [
        `repeated      about ${count(expected.repeated)} of these: short videos and clips show a frame more than once, and each is paid for`,
      ]),
  `input tokens  about ${count(expected.promptTokens)}`,
  `output tokens about ${count(expected.completionTokens)}`,
  `cost          ${expected.costUsd === null ? "not known: give --price-in and --price-out" : `about ${dollars(expected.costUsd)}`}`,
  `model time    about ${duration(expected.seconds)} (${assumedLatencySec} s a call assumed)`,
  `decode time   about ${duration(expected.decodeSeconds)}`,
  "Nothing was sent. Rejected answers that are asked for again come on top.",
]

/** Tells what a run is expected to take; each video that would fail is named on stderr. */
export const tellExpectation = Effect.fn("Cli.tellExpectation")(function* (
  expected: Expectation,
  steps: StepBounds,
  json: boolean,
) {
  if (json) stdout.write(`${expectationJson(expected, new Date().toISOString())}\n`)
  else yield* Console.log(lines(expected, steps).join("\n"))
  for (const { message } of expected.failures) yield* Console.error(`error: ${printable(message)}`)
})
