import { join } from "node:path"
import { Context, DateTime, Effect, Layer } from "effect"
import * as v from "valibot"
import { parseJson } from "../files/json.ts"
import { readPlain } from "../files/plain.ts"
import { appendDurably, makeFolder } from "../files/whole.ts"
import { DatasetError } from "./store.ts"

/**
 * Where the times come from that are written into a dataset. Every value has a name of its own, so that a recorded run can
 * be repeated to the byte: the real clock by default, or one that remembers, or one that repeats.
 */
export class RunClock extends Context.Reference<RunClock>()("triptych/RunClock", {
  defaultValue: (): {
    /** An instant, ISO 8601 in UTC. */
    readonly utc: (name: string) => Effect.Effect<string>
    /** A duration in seconds, as measured or as it once was. */
    readonly seconds: (name: string, measured: number) => Effect.Effect<number>
  } => ({
    utc: () => Effect.map(DateTime.now, DateTime.formatIso),
    seconds: (_name, measured) => Effect.succeed(measured),
  }),
}) {}

const fileName = "times.jsonl"
const lineSchema = v.union([
  v.object({ name: v.string(), utc: v.string() }),
  v.object({ name: v.string(), seconds: v.number() }),
])

/** Some hundred bytes for each answer of a run. */
const largestFile = 256 << 20

const failed = (dir: string, cause: unknown) =>
  new DatasetError({
    reason: "Unwritable",
    path: dir,
    message: `the recording ${dir} cannot be used: ${String(cause)}`,
    cause,
  })

/** The real clock; every value it gives is kept in `dir`. */
export const remember = (dir: string): Layer.Layer<never, DatasetError> =>
  Layer.effect(
    RunClock,
    Effect.gen(function* () {
      yield* Effect.tryPromise({
        try: () => makeFolder(dir),
        catch: (cause) => failed(dir, cause),
      })
      const real = yield* RunClock
      const keep = (line: v.InferOutput<typeof lineSchema>) =>
        Effect.ignoreLogged(
          Effect.tryPromise(() => appendDurably(join(dir, fileName), `${JSON.stringify(line)}\n`)),
        )
      return {
        utc: (name) => Effect.tap(real.utc(name), (utc) => keep({ name, utc })),
        seconds: (name, measured) => Effect.as(keep({ name, seconds: measured }), measured),
      }
    }),
  )

/** Gives the values that `remember` kept in `dir`; the last one of a name counts. */
export const repeat = (dir: string): Layer.Layer<never, DatasetError> =>
  Layer.effect(
    RunClock,
    Effect.gen(function* () {
      const real = yield* RunClock
      const text = yield* Effect.tryPromise({
        try: async () => (await readPlain(join(dir, fileName), largestFile)).toString("utf8"),
        catch: (cause) => failed(dir, cause),
      })
      const lines = text.split("\n").flatMap((line) => {
        const parsed = v.safeParse(lineSchema, parseJson(line))
        return parsed.success ? [parsed.output] : []
      })
      const instants = new Map(
        lines.flatMap((line) => ("utc" in line ? [[line.name, line.utc] as const] : [])),
      )
      const spans = new Map(
        lines.flatMap((line) => ("seconds" in line ? [[line.name, line.seconds] as const] : [])),
      )
      return {
        utc: (name) => {
          const known = instants.get(name)
          return known === undefined ? real.utc(name) : Effect.succeed(known)
        },
        seconds: (name, measured) => Effect.succeed(spans.get(name) ?? measured),
      }
    }),
  )
