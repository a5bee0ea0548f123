import { Console, Effect } from "effect"
import { printableLines } from "../text/printable.ts"
import { type Output, stderr, stdout } from "./output.ts"

const line = (to: Output, args: ReadonlyArray<unknown>) =>
  Effect.sync(() => to.write(`${printableLines(args.map(String).join(" "))}\n`))

/** Lets what an effect prints go to the outputs of this process, without anything that a terminal would act upon. */
export const withOutputs = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Console.consoleWith((current) =>
    Effect.withConsole(effect, {
      ...current,
      log: (...args) => line(stdout, args),
      error: (...args) => line(stderr, args),
    }),
  )

/** Lets an effect print nothing on stderr: its failures say it all. */
export const withoutErrors = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Console.consoleWith((current) => Effect.withConsole(effect, { ...current, error: () => Effect.void }))
