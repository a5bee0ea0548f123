import { Command } from "@effect/cli"
import { Effect, Option } from "effect"
import { stageNumbers, stagesNumbered } from "../stages/list.ts"
import { compareCommand } from "./compare.ts"
import { convertCommand } from "./convert.ts"
import { demoCommand } from "./demo.ts"
import { evaluateCommand } from "./evaluate.ts"
import { batch, stages } from "./flags/batch.ts"
import { input } from "./flags/input.ts"
import { model } from "./flags/model.ts"
import { single as singleFlags, work } from "./flags/work.ts"
import { framesCommand } from "./frames.ts"
import { reportChecks, run } from "./run.ts"
import { scoreCommand } from "./score.ts"
import { statusCommand } from "./status.ts"
import { validateCommand } from "./validate.ts"

/** The exit code of a command that ran; `main` hands it to the process. */
const report = (code: number) =>
  Effect.sync(() => {
    process.exitCode = code
  })

const pipeline = Command.make("pipeline", { ...input, ...batch, ...stages, ...work, ...model }, (given) =>
  Effect.flatMap(run(given), report),
)

/** The command of the stages of one number. */
const single = (number: number) =>
  Command.make(
    `stage${number}`,
    { ...input, ...batch, ...work, ...singleFlags, ...model },
    ({ maxRetries, ...given }) => {
      const names = stagesNumbered(number).map(({ name }) => name)
      const own = Option.match(maxRetries, {
        onNone: () => ({}),
        onSome: (count) => Object.fromEntries(names.map((name) => [name, count])),
      })
      return Effect.flatMap(run({ ...given, retries: { ...given.retries, ...own }, stages: names }), report)
    },
  )

/** All commands of the program. Their help is in `help.ts`. */
export const triptych = Command.make("triptych").pipe(
  Command.withSubcommands([
    pipeline,
    ...stageNumbers.map(single),
    validateCommand(report, reportChecks),
    statusCommand(report),
    scoreCommand(report),
    compareCommand(report),
    convertCommand(report),
    evaluateCommand(report),
    framesCommand(report),
    demoCommand(report),
  ]),
)
