#!/usr/bin/env bun
import { CliConfig, Command, HelpDoc, ValidationError } from "@effect/cli"
import { makeRunMain } from "@effect/platform/Runtime"
import * as BunContext from "@effect/platform-bun/BunContext"
import { Cause, Console, Effect, Either, Exit, Layer, Logger, LogLevel } from "effect"
import manifest from "../package.json"
import { readCommandLine, wantsJson } from "./cli/command-line.ts"
import { triptych } from "./cli/commands.ts"
import { withOutputs, withoutErrors } from "./cli/console.ts"
import { helpText } from "./cli/help.ts"
import { messages } from "./cli/messages.ts"
import { stderr, stdout } from "./cli/output.ts"
import { errorJson } from "./cli/progress/json.ts"
import { givenSecrets } from "./cli/secrets.ts"
import { listenToSignals } from "./cli/signals.ts"
import { makeStopRequests, StopRequests } from "./cli/stop.ts"
import { exitCode, interruptedMessage, UsageError } from "./cli/usage.ts"
import { requireWorkingFolder } from "./cli/working-folder.ts"
import { makeRedaction } from "./model/redaction.ts"
import * as Telemetry from "./telemetry.ts"
import { printable } from "./text/printable.ts"

const [bun = "bun", script = "", ...args] = process.argv

const { message: redact } = makeRedaction(givenSecrets(args, process.env))

/** The parser of options says what is wrong by itself; so do we, in one place. */
const cli = Command.run(Command.transformHandler(triptych, withOutputs), {
  name: "triptych",
  version: manifest.version,
})

/** How a run that did not end by itself is told. */
const ending = (error: unknown, cause: Cause.Cause<unknown>) => {
  if (ValidationError.isValidationError(error)) {
    const text = Bun.stripANSI(HelpDoc.toAnsiText(error.error)).trim()
    return { code: exitCode.usage, lines: text.split(/\n+/u) }
  }
  if (error instanceof UsageError)
    return { code: exitCode.usage, lines: [error.message, ...(error.ways ?? [])] }
  const isExpected = typeof error === "object" && error !== null && "_tag" in error && error instanceof Error
  return { code: exitCode.failed, lines: isExpected ? [error.message] : Cause.pretty(cause).split("\n") }
}

/** The last words of such a run: a sentence on stderr, with `--json` an object on stdout too, and the exit code. */
const explain = (cause: Cause.Cause<unknown>) => {
  if (Cause.isInterruptedOnly(cause)) return Effect.void
  const { code, lines } = ending(Cause.squash(cause), cause)
  process.exitCode = code
  const [first = "", ...more] = lines.map((line) => printable(redact(line)))
  if (wantsJson(args))
    stdout.write(`${errorJson(code, [first, ...more].join(" "), new Date().toISOString())}\n`)
  return Console.error([`error: ${first}`, ...more.map((line) => `  ${line}`)].join("\n"))
}

const requested = Effect.flatMap(
  Either.mapLeft(readCommandLine(args), (message) => new UsageError({ message })),
  (request) => {
    if (request.kind === "help") return Console.log(helpText(request.command))
    if (request.kind === "version") return Console.log(manifest.version)
    return Effect.zipRight(requireWorkingFolder, withoutErrors(cli([bun, script, ...request.args])))
  },
)

const program = requested.pipe(
  Effect.tapErrorCause(explain),
  withOutputs,
  Effect.provide(
    Layer.mergeAll(
      BunContext.layer,
      CliConfig.layer({ showBuiltIns: false, isCaseSensitive: true }),
      Logger.replace(Logger.defaultLogger, messages),
      Logger.minimumLogLevel(LogLevel.Warning),
      Telemetry.layer(process.env),
    ),
  ),
)

const stopRequests = makeStopRequests()
/** What ends may take so long after it was told to; then the process goes, and the next run cleans up. */
const patienceMs = 10_000

/**
 * The exit code, once everything is told. Text that a command was asked for and that a full disk has swallowed makes it a
 * failure; a run's results are on disk all the same, and a reader that went away wanted no more.
 */
const lastCode = async (code: number): Promise<number> => {
  await stdout.flushed()
  const { loss } = stdout
  if (loss !== undefined && !loss.isClosed)
    stderr.write(`error: the standard output is incomplete: ${loss.message}\n`)
  await stderr.flushed()
  const isRun =
    /^(?:pipeline|stage\d|demo)$/u.test(args[0] ?? "") &&
    !args.some((arg) => /^(?:-h|--help|--preflight-only|--dry-run)$/u.test(arg))
  return loss === undefined || loss.isClosed || isRun || code !== exitCode.done ? code : exitCode.failed
}

const runMain = makeRunMain(({ fiber, teardown }) => {
  const stopAtOnce = () => {
    fiber.unsafeInterruptAsFork(fiber.id())
    setTimeout(() => process.exit(exitCode.interrupted), patienceMs).unref()
  }
  listenToSignals(() => stopRequests.receive(stopAtOnce), stopAtOnce)
  const alive = setInterval(() => {}, 2 ** 31 - 1)
  fiber.addObserver((exit) => {
    teardown(exit, (code) => {
      void lastCode(code).then((last) => {
        clearInterval(alive)
        process.exit(last)
      })
    })
  })
})

runMain(Effect.provideService(program, StopRequests, stopRequests.service), {
  disableErrorReporting: true,
  // It would say everything a second time, on stdout.
  disablePrettyLogger: true,
  teardown: (exit, onExit) => {
    const given = process.exitCode
    const code =
      Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause)
        ? exitCode.interrupted
        : typeof given === "number"
          ? given
          : Exit.isFailure(exit)
            ? exitCode.failed
            : exitCode.done
    // What is closed at the end may still have something to say; this is the last line.
    if (code === exitCode.interrupted) stderr.write(`${interruptedMessage}\n`)
    onExit(code)
  },
})
