import { Command } from "@effect/cli"
import { Effect, Option } from "effect"
import type { StageNumber } from "../config.ts"
import { compareCommand } from "./compare.ts"
import { convertCommand } from "./convert.ts"
import { demoCommand } from "./demo.ts"
import { evaluateCommand } from "./evaluate.ts"
import * as flags from "./flags.ts"
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

const pipeline = Command.make(
  "pipeline",
  { ...flags.input, ...flags.batch, ...flags.stages, ...flags.work, ...flags.model },
  (given) => Effect.flatMap(run(given), report),
)

const single = (stage: StageNumber) =>
  Command.make(
    `stage${stage}`,
    { ...flags.input, ...flags.batch, ...flags.work, ...flags.single, ...flags.model },
    ({ maxRetries, ...given }) => {
      const retries = Option.match(maxRetries, {
        onNone: () => ({}),
        onSome: (count) => ({ [`stage${stage}Retries`]: count }),
      })
      return Effect.flatMap(run({ ...given, ...retries, stages: [stage] }), report)
    },
  )

/** All commands of the program. Their help is in `help.ts`. */
export const triptych = Command.make("triptych").pipe(
  Command.withSubcommands([
    pipeline,
    single(1),
    single(2),
    single(3),
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
