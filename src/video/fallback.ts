import { resolve } from "node:path"
import { Effect, Either, Stream } from "effect"
import type { Backend, Backends } from "./Backend.ts"
import type { Fallback, FrameOptions, SampledFrame, VideoDecoder, VideoSource } from "./VideoDecoder.ts"
import type { VideoError, VideoErrorReason } from "./VideoError.ts"

/**
 * When the next backend is asked.
 *
 * - `any`: for every reason that another backend may not share.
 * - `unavailable`: only if a backend does not load on this machine.
 */
export type FallbackRule = "any" | "unavailable"

/** Reasons that may lie in the backend: its codecs and containers, its memory, its health. */
const MAYBE_ONLY_HERE: ReadonlySet<VideoErrorReason> = new Set([
  "BackendUnavailable",
  "Unsupported",
  "WorkerFailed",
  "NotAVideo",
  "NoFrames",
  "DecodeFailed",
])
/** Of these, the reasons that say something of the file, not of the backend. */
const OF_THE_FILE: ReadonlySet<VideoErrorReason> = new Set(["NotAVideo", "NoFrames", "DecodeFailed"])

/** What to report if all backends failed: the first that says something of the file, else the first. */
const clearest = (errors: readonly [VideoError, ...ReadonlyArray<VideoError>]): VideoError => {
  const [first, ...others] = errors
  const isOfTheFile = ({ reason }: VideoError) => !MAYBE_ONLY_HERE.has(reason) || OF_THE_FILE.has(reason)
  return isOfTheFile(first) ? first : (others.find(isOfTheFile) ?? first)
}

/**
 * One decoder over several backends. What one cannot do for a reason that another may not share goes to the next, and every
 * such fallback is remembered; a file stays with the backend that could serve it.
 */
export const withFallback = (backends: Backends, rule: FallbackRule): VideoDecoder["Type"] => {
  const servedBy = new Map<string, number>()
  const fallbacks: Array<Fallback> = []

  const mayFallBack = ({ reason }: VideoError): boolean =>
    rule === "any" ? MAYBE_ONLY_HERE.has(reason) : reason === "BackendUnavailable"
  const nextAfter = (at: number, error: VideoError): Backend | undefined =>
    mayFallBack(error) ? backends[at + 1] : undefined
  const first = (file: string): number => servedBy.get(resolve(file)) ?? 0
  const backendAt = (at: number): Backend => backends[at] ?? backends[0]

  /** Remembers that the backend at `at` serves a file that those before it could not. */
  const remember = (file: string, at: number, errors: ReadonlyArray<VideoError>): void => {
    const path = resolve(file)
    errors.forEach((error, i) => {
      const from = backendAt(at - errors.length + i).name
      fallbacks.push({ file: path, from, to: backendAt(at - errors.length + i + 1).name, error })
    })
    if (errors.length > 0) servedBy.set(path, at)
  }

  const inTurn = Effect.fnUntraced(function* <A>(
    file: string,
    ask: (backend: Backend) => Effect.Effect<A, VideoError>,
  ) {
    const errors: Array<VideoError> = []
    for (let at = first(file); ; at++) {
      const result = yield* Effect.either(ask(backendAt(at)))
      if (Either.isRight(result)) {
        remember(file, at, errors)
        return result.right
      }
      if (nextAfter(at, result.left) === undefined) {
        const [earliest, ...others] = errors
        return yield* earliest === undefined ? result.left : clearest([earliest, ...others, result.left])
      }
      errors.push(result.left)
    }
  })

  const frames = (source: VideoSource, indices: ReadonlyArray<number>, options: FrameOptions) => {
    const from = (
      at: number,
      done: number,
      errors: ReadonlyArray<VideoError>,
    ): Stream.Stream<SampledFrame, VideoError> => {
      let given = done
      return backendAt(at)
        .decoder.frames(source, indices.slice(done), options)
        .pipe(
          Stream.map((frame) => {
            if (given === done) remember(source.file, at, errors)
            given++
            return done === 0 ? frame : renumbered(frame, frame.request + done)
          }),
          Stream.catchAll((error) => {
            const failed: readonly [VideoError, ...ReadonlyArray<VideoError>] =
              given === done && errors[0] !== undefined ? [errors[0], ...errors.slice(1), error] : [error]
            return nextAfter(at, error) === undefined
              ? Stream.fail(clearest(failed))
              : from(at + 1, given, failed)
          }),
        )
    }
    return Stream.suspend(() => from(first(source.file), 0, []))
  }

  return {
    backend: backends[0].name,
    available: inTurn("", ({ available }) => available),
    probe: (file) => inTurn(file, ({ decoder }) => decoder.probe(file)),
    frames,
    fallbacks: Effect.sync(() => fallbacks.filter(({ file }) => file !== resolve(""))),
  }
}

/** The same frame as the answer to another request. */
const renumbered = (frame: SampledFrame, request: number): SampledFrame => ({
  ...frame,
  request,
  get data() {
    return frame.data
  },
})
