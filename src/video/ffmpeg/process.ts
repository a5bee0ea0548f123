import { Duration, Effect, Fiber, Stream } from "effect"
import { childEnvironment } from "../child-environment.ts"
import { VideoError } from "../VideoError.ts"
import type { FfmpegProgram } from "./program.ts"

/** Lines of the error output that go into a message. */
const TAIL_LINES = 6

/** Characters at either end of a long error output that are kept. */
const KEPT = 100_000

/** What a finished run said. */
export interface FfmpegRun {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  /** The last lines of the error output. */
  readonly tail: string
}

export interface FfmpegCommand extends FfmpegProgram {
  readonly args: ReadonlyArray<string>
  /** For error messages. */
  readonly file: string
  /** What it reads from its standard input; nothing by default. */
  readonly stdin?: Uint8Array | undefined
}

type Child = Bun.Subprocess<"ignore" | Uint8Array, "pipe", "pipe">

/** A signal ended the process: what it gave may be short of what it had to give. */
class Killed extends Error {}

const failed = ({ bin, file }: FfmpegCommand, what: string, cause?: unknown) =>
  new VideoError({ reason: "WorkerFailed", file, message: `${file}: "${bin}" ${what}`, cause })

const silent = (command: FfmpegCommand) => ({
  duration: Duration.millis(command.deadlineMs),
  onTimeout: () => failed(command, `gave nothing within ${command.deadlineMs / 1000} s`),
})

/** A process of its own for as long as the scope lasts, as soon as one may be started. */
const start = (command: FfmpegCommand) =>
  Effect.zipRight(
    Effect.acquireRelease(Effect.interruptible(command.permits.take(1)), () => command.permits.release(1)),
    Effect.acquireRelease(
      Effect.try({
        try: (): Child =>
          Bun.spawn([command.bin, ...command.args], {
            env: childEnvironment(),
            stdin: command.stdin ?? "ignore",
            stdout: "pipe",
            stderr: "pipe",
          }),
        catch: (cause) =>
          new VideoError({
            reason: "BackendUnavailable",
            file: command.file,
            message: `The program "${command.bin}" cannot be started: ${cause instanceof Error ? cause.message : String(cause)}`,
            cause,
          }),
      }),
      (child) =>
        Effect.promise(() => {
          child.kill("SIGKILL")
          return child.exited
        }),
    ),
  )

/** What the process writes to its standard output, each piece within the deadline. */
const outputOf = (child: Child, command: FfmpegCommand) => {
  const { duration, onTimeout } = silent(command)
  const pieces = Stream.fromReadableStream({
    evaluate: () => child.stdout,
    onError: (cause) => failed(command, "has an output that cannot be read", cause),
  })
  return Stream.timeoutFail(pieces, onTimeout, duration)
}

/**
 * The error output of a process, of a long one the two ends. Not as a stream: a damaged file brings out millions of lines,
 * each a piece of its own.
 */
const complaintsOf = (child: Child, command: FfmpegCommand, onComplaint: () => void = () => {}) =>
  Effect.tryPromise({
    try: async () => {
      const decoder = new TextDecoder()
      let kept = ""
      for await (const bytes of child.stderr) {
        if (bytes.length === 0) continue
        onComplaint()
        kept += decoder.decode(bytes, { stream: true })
        if (kept.length > 3 * KEPT) kept = kept.slice(0, KEPT) + kept.slice(-KEPT)
      }
      return kept
    },
    catch: (cause) => failed(command, "has an error output that cannot be read", cause),
  })

/** The exit code of a process that has ended its output. */
const exitOf = (child: Child, command: FfmpegCommand) =>
  Effect.promise(() => child.exited).pipe(
    Effect.timeoutFail(silent(command)),
    Effect.filterOrFail(
      () => child.signalCode === null,
      () => failed(command, `was ended by ${child.signalCode}`, new Killed()),
    ),
  )

/** Does it once more if the process was killed. */
export const onceMoreIfKilled = <A, R>(effect: Effect.Effect<A, VideoError, R>) =>
  Effect.retry(effect, { times: 1, while: ({ cause }) => cause instanceof Killed })

/** Runs ffmpeg to its end, once more if it is killed. Interruption kills the process and waits until it is gone. */
export const runFfmpeg = Effect.fn("Ffmpeg.run")(
  function* (command: FfmpegCommand) {
    const child = yield* start(command)
    const complaints = yield* Effect.forkScoped(complaintsOf(child, command))
    const stdout = yield* outputOf(child, command).pipe(Stream.decodeText(), Stream.mkString)
    const exitCode = yield* exitOf(child, command)
    const stderr = yield* Effect.timeoutFail(Fiber.join(complaints), silent(command))
    const tail = stderr.trimEnd().split("\n").slice(-TAIL_LINES).join("\n")
    return { exitCode, stdout, stderr, tail } satisfies FfmpegRun
  },
  Effect.scoped,
  onceMoreIfKilled,
)

/** Fails unless the program is an ffmpeg, which it says itself: others of its kind take `-version` too. */
export const requireFfmpeg = (program: FfmpegProgram): Effect.Effect<void, VideoError> =>
  runFfmpeg({ ...program, args: ["-version"], file: "" }).pipe(
    Effect.filterOrFail(
      ({ exitCode, stdout }) => exitCode === 0 && stdout.trimStart().startsWith("ffmpeg version "),
      ({ stdout, tail }) => {
        const [said = "nothing"] = (tail || stdout).trim().split("\n").filter(Boolean)
        const message = `the program "${program.bin}" does not answer as ffmpeg does; it says: ${said}`
        return new VideoError({ reason: "BackendUnavailable", file: "", message })
      },
    ),
    Effect.asVoid,
  )

/**
 * The output of ffmpeg as it comes. The process waits while nobody takes it, and is killed with the stream. `onComplaint` is
 * called when it prints an error. Its exit code is not told: who reads knows how many bytes there must be. Fails if it is
 * killed by others.
 */
export const ffmpegBytes = (
  command: FfmpegCommand,
  onComplaint: () => void = () => {},
): Stream.Stream<Uint8Array, VideoError> =>
  Stream.unwrapScoped(
    Effect.map(start(command), (child) => {
      // Read to its end, so that the process never waits for it.
      const heard = Stream.drain(Stream.fromEffect(Effect.ignore(complaintsOf(child, command, onComplaint))))
      const given = Stream.concat(
        outputOf(child, command),
        Stream.drain(Stream.fromEffect(exitOf(child, command))),
      )
      return Stream.merge(given, heard, { haltStrategy: "both" })
    }),
  )
