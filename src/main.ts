#!/usr/bin/env bun
import { CliConfig, Command, ValidationError } from "@effect/cli"
import { makeRunMain } from "@effect/platform/Runtime"
import { BunContext } from "@effect/platform-bun"
import { Cause, Console, Effect, Exit, Layer, Logger, LogLevel } from "effect"
import manifest from "../package.json"
import { triptych } from "./cli/commands.ts"
import { helpFor, unknownCommand } from "./cli/help.ts"
import { messages } from "./cli/messages.ts"
import { givenSecrets } from "./cli/secrets.ts"
import { makeStopRequests, StopRequests } from "./cli/stop.ts"
import { exitCode, interruptedMessage, UsageError } from "./cli/usage.ts"
import { makeRedaction } from "./model/redaction.ts"
import * as Telemetry from "./telemetry.ts"

const { message: redact } = makeRedaction(givenSecrets(process.argv.slice(2), process.env))

const plain = (text: string): string => redact(Bun.stripANSI(text)).trim()

/** The console for messages of the option parser: plain text, marked as an error, on stderr. */
const withPlainErrors = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Console.consoleWith((current) =>
    Effect.withConsole(effect, {
      ...current,
      error: (...args) => {
        const text = plain(args.map(String).join(" "))
        return current.error(text.startsWith("error: ") ? text : `error: ${text}`)
      },
    }),
  )

const cli = Command.run(triptych, { name: "triptych", version: manifest.version })

/** The last words of a run that did not end by itself: a sentence on stderr and the contract's exit code. */
const explain = (cause: Cause.Cause<unknown>) => {
  if (Cause.isInterruptedOnly(cause)) return Effect.void
  const error = Cause.squash(cause)
  if (ValidationError.isValidationError(error)) {
    process.exitCode = exitCode.usage
    return Effect.void
  }
  process.exitCode = error instanceof UsageError ? exitCode.usage : exitCode.failed
  const isExpected = typeof error === "object" && error !== null && "_tag" in error && error instanceof Error
  return Console.error(redact(isExpected ? `error: ${error.message}` : `error: ${Cause.pretty(cause)}`))
}

/** What the arguments ask for: help, or a command. */
const requested = (args: ReadonlyArray<string>) => {
  const help = helpFor(args)
  if (help !== undefined) return Console.log(help)
  const unknown = unknownCommand(args)
  return unknown === undefined ? cli(process.argv) : Effect.fail(new UsageError({ message: unknown }))
}

const program = Effect.suspend(() => requested(process.argv.slice(2))).pipe(
  withPlainErrors,
  Effect.tapErrorCause(explain),
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

const runMain = makeRunMain(({ fiber, teardown }) => {
  const stopAtOnce = () => {
    fiber.unsafeInterruptAsFork(fiber.id())
    setTimeout(() => process.exit(exitCode.interrupted), patienceMs).unref()
  }
  const onSignal = () => stopRequests.receive(stopAtOnce)
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const
  for (const signal of signals) process.on(signal, onSignal)
  const alive = setInterval(() => {}, 2 ** 31 - 1)
  fiber.addObserver((exit) => {
    clearInterval(alive)
    teardown(exit, (code) => {
      if (code !== exitCode.done) process.exit(code)
    })
  })
})

runMain(Effect.provideService(program, StopRequests, stopRequests.service), {
  disableErrorReporting: true,
  // It would say everything a second time, on stdout.
  disablePrettyLogger: true,
  teardown: (exit, onExit) => {
    if (Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause)) {
      console.error(interruptedMessage)
      onExit(exitCode.interrupted)
      return
    }
    const code = process.exitCode
    onExit(typeof code === "number" ? code : Exit.isFailure(exit) ? exitCode.failed : exitCode.done)
  },
})
