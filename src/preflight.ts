import { access, constants, stat } from "node:fs/promises"
import { dirname, resolve } from "node:path"
import { Effect, Either } from "effect"
import { annotationOf, type RunSettings } from "./config.ts"
import { hasCode } from "./files/fault.ts"
import { stages } from "./stages/list.ts"
import { loadPrompts } from "./stages/prompts.ts"
import { ClipCutter } from "./video/ClipCutter.ts"
import { VideoDecoder } from "./video/VideoDecoder.ts"

/** One thing that was looked at before a run, and what is wrong with it, if anything. */
export interface Check {
  readonly what: string
  readonly problem: string | undefined
  /** What was found, where all is well and that is worth telling. */
  readonly found?: string
}

const outcome = <A>(what: string, effect: Effect.Effect<A, { readonly message: string }>) =>
  Effect.map(
    Effect.either(effect),
    (result): Check => ({ what, problem: Either.isLeft(result) ? result.left.message : undefined }),
  )

/** Whether `path`, or the nearest folder above it that exists, may be written to. */
const writable = (path: string): Effect.Effect<void, { readonly message: string }> =>
  Effect.tryPromise({
    try: () =>
      stat(path).then((found) => (found.isDirectory() ? access(path, constants.W_OK) : Promise.reject())),
    catch: (cause) => cause,
  }).pipe(
    Effect.catchIf(
      (cause) => hasCode(cause, "ENOENT") && dirname(path) !== path,
      () => writable(dirname(path)),
    ),
    Effect.mapError(() => ({ message: `${path} is not a folder that can be written to` })),
  )

/** Whether decoder and cutter work on this machine. */
export const checkTools = Effect.fn("Preflight.tools")(function* () {
  const decoder = yield* VideoDecoder
  const cutter = yield* ClipCutter
  return [
    yield* outcome(`decoder (${decoder.backend})`, decoder.available),
    yield* outcome(`cutter (${cutter.backend})`, cutter.available),
  ]
})

/** Everything a run needs, looked at without asking a model or writing a file. */
export const preflight = Effect.fn("Preflight.run")(function* (
  files: ReadonlyArray<string>,
  settings: RunSettings,
) {
  const decoder = yield* VideoDecoder
  const checks: Array<Check> = [
    ...(yield* checkTools()),
    yield* outcome("prompts", loadPrompts(annotationOf(settings), stages, settings)),
    yield* outcome("output root", writable(resolve(settings.outputRoot))),
  ]
  for (const file of files) checks.push(yield* outcome(file, decoder.probe(file)))
  return checks
})
