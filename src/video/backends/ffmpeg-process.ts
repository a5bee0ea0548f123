import { Duration, Effect, Stream } from "effect"
import { VideoError } from "../VideoError.ts"

/** Lines of the error output that go into a message. */
const TAIL_LINES = 6

/** What a finished run said. */
export interface FfmpegRun {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  /** The last lines of the error output. */
  readonly tail: string
}

export interface FfmpegCommand {
  /** Path or name of the program. */
  readonly bin: string
  readonly args: ReadonlyArray<string>
  /** For error messages. */
  readonly file: string
  /** The run fails after this many milliseconds without output. */
  readonly deadlineMs: number
}

const start = ({ bin, args, file }: FfmpegCommand) =>
  Effect.try({
    try: () => Bun.spawn([bin, ...args], { stdin: "ignore", stdout: "pipe", stderr: "pipe" }),
    catch: (cause) =>
      new VideoError({
        reason: "BackendUnavailable",
        file,
        message: `The program "${bin}" cannot be started: ${cause instanceof Error ? cause.message : String(cause)}`,
        cause,
      }),
  })

const pieces = (pipe: ReadableStream<Uint8Array>, command: FfmpegCommand) =>
  Stream.fromReadableStream({
    evaluate: () => pipe,
    onError: (cause) =>
      new VideoError({
        reason: "CutFailed",
        file: command.file,
        message: `${command.file}: the output of "${command.bin}" cannot be read`,
        cause,
      }),
  })

/** Everything a pipe gives, as text. */
const readAll = (pipe: ReadableStream<Uint8Array>, command: FfmpegCommand) =>
  pieces(pipe, command).pipe(Stream.decodeText(), Stream.mkString)

/** Kills a process and waits until it is gone. */
const end = (child: Bun.Subprocess) =>
  Effect.promise(() => {
    child.kill("SIGKILL")
    return child.exited
  })

/** Runs ffmpeg to its end. Interruption kills the process and waits until it is gone. */
export const runFfmpeg = Effect.fn("Ffmpeg.run")(function* (command: FfmpegCommand) {
  const silent = () =>
    new VideoError({
      reason: "CutFailed",
      file: command.file,
      message: `${command.file}: "${command.bin}" was not done within ${command.deadlineMs / 1000} s`,
    })
  return yield* Effect.acquireUseRelease(
    start(command),
    (child) =>
      Effect.all([readAll(child.stdout, command), readAll(child.stderr, command)], { concurrency: 2 }).pipe(
        Effect.bindTo("texts"),
        Effect.bind("exitCode", () => Effect.promise(() => child.exited)),
        Effect.map(({ texts: [stdout, stderr], exitCode }): FfmpegRun => {
          const tail = stderr.trimEnd().split("\n").slice(-TAIL_LINES).join("\n")
          return { exitCode, stdout, stderr, tail }
        }),
        Effect.timeoutFail({ duration: Duration.millis(command.deadlineMs), onTimeout: silent }),
      ),
    end,
  )
})

/**
 * The output of ffmpeg as it comes; every piece must come within the deadline. The process waits while nobody takes it, and is
 * killed with the stream. `onComplaint` is called when it prints an error. How it ended is not told: who reads knows how many bytes there must be.
 */
export const ffmpegBytes = (
  command: FfmpegCommand,
  onComplaint: () => void = () => {},
): Stream.Stream<Uint8Array, VideoError> =>
  Stream.unwrapScoped(
    Effect.map(Effect.acquireRelease(start(command), end), (child) => {
      // The error output is short at `-v error`; it is read so that the process never waits for it.
      const heard = pieces(child.stderr, command).pipe(
        Stream.tap((text) => Effect.sync(() => (text.length > 0 ? onComplaint() : undefined))),
        Stream.orElse(() => Stream.empty),
        Stream.drain,
      )
      const silent = () =>
        new VideoError({
          reason: "WorkerFailed",
          file: command.file,
          message: `${command.file}: "${command.bin}" gave nothing within ${command.deadlineMs / 1000} s`,
        })
      return Stream.merge(
        pieces(child.stdout, command).pipe(Stream.timeoutFail(silent, Duration.millis(command.deadlineMs))),
        heard,
        { haltStrategy: "both" },
      )
    }),
  )
