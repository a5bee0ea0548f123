import { join } from "node:path"
import { Context, DateTime, Effect, Layer } from "effect"
import * as v from "valibot"
import { parseJson } from "../files/json.ts"
import { NotPlain, readPlain, requireFileFault } from "../files/plain.ts"
import { appendDurably, makeFolder } from "../files/whole.ts"
import { DatasetError } from "./DatasetError.ts"

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

const fault = (reason: DatasetError["reason"], dir: string, what: string, cause: unknown) => {
  requireFileFault(cause)
  const why = cause instanceof NotPlain ? `${fileName} ${cause.message}` : String(cause)
  return new DatasetError({ reason, path: join(dir, fileName), message: `${what}: ${why}`, cause })
}

const notKept = (dir: string, cause: unknown) =>
  fault("Unwritable", dir, `the times of the recording ${dir} are not kept`, cause)

const notRead = (dir: string, cause: unknown) =>
  fault("Unreadable", dir, `the times of the recording ${dir} cannot be read`, cause)

/**
 * The real clock; every value it gives is kept in `dir`. Where a value cannot be kept, that is told once, and the run goes on without,
 * as it does for replies. Only a file that cannot be written to at all is an error, before anything is done.
 */
export const remember = (dir: string): Layer.Layer<never, DatasetError> =>
  Layer.effect(
    RunClock,
    Effect.gen(function* () {
      const append = (text: string) =>
        Effect.tryPromise({
          try: () => appendDurably(join(dir, fileName), text),
          catch: (cause) => notKept(dir, cause),
        })
      yield* Effect.tryPromise({
        try: () => makeFolder(dir),
        catch: (cause) => notKept(dir, cause),
      })
      yield* append("")
      const real = yield* RunClock
      let isBroken = false
      const broken = ({ message }: DatasetError) =>
        Effect.suspend(() => {
          if (isBroken) return Effect.void
          isBroken = true
          return Effect.logWarning(`${message}; the run goes on, and a replay will have other times`)
        })
      const keep = (line: v.InferOutput<typeof lineSchema>) =>
        Effect.catchAll(append(`${JSON.stringify(line)}\n`), broken)
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
        catch: (cause) => notRead(dir, cause),
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
