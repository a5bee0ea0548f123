import { Effect, Either } from "effect"
import type { Backend, Backends } from "./Backend.ts"
import type { ClipCutter } from "./ClipCutter.ts"
import type { VideoSource } from "./VideoDecoder.ts"
import { VideoError } from "./VideoError.ts"

/** A backend that cuts. */
type Cutting = Backend & Required<Pick<Backend, "cutter">>

const cuts = (backend: Backend): backend is Cutting => backend.cutter !== undefined

/** Whether a backend sees a source's frames as the backend did that probed it. */
const seesAlike = (source: VideoSource, own: VideoSource): boolean =>
  own.streamIndex === source.streamIndex &&
  own.timeBase.num * source.timeBase.den === source.timeBase.num * own.timeBase.den &&
  own.framePts.length === source.framePts.length &&
  own.framePts.every((pts, i) => pts === source.framePts[i])

/** A cutter of backends of which none cuts. */
const noCutter = (backends: Backends): ClipCutter["Type"] => {
  const names = backends.map(({ name }) => name).join(", ")
  const failure = (file: string) =>
    Effect.fail(
      new VideoError({
        reason: "BackendUnavailable",
        file,
        message: `no backend here cuts videos (there are ${names}); add one that does`,
      }),
    )
  return {
    backend: backends[0].name,
    available: failure(""),
    cut: ({ source }) => failure(source.file),
    cutAll: ({ source }) => failure(source.file),
    decode: failure,
  }
}

/**
 * A cutter that leaves to others what it reads otherwise. Versions of libav differ in the times of damaged files, so that a
 * clip would hold other frames than those whose times were asked for: then the backend that probed the file cuts it.
 */
const withSameFrames = (own: Cutting, backends: Backends): ClipCutter["Type"] => {
  const chosen = Effect.fnUntraced(function* (source: VideoSource) {
    const other = backends.find(({ name }) => name === source.backend)
    if (other === undefined || other === own) return own.cutter
    const probed = yield* Effect.either(own.decoder.probe(source.file))
    if (Either.isRight(probed) && seesAlike(source, probed.right)) return own.cutter
    if (cuts(other)) return other.cutter
    return yield* new VideoError({
      reason: "Unsupported",
      file: source.file,
      message: `${source.file} was read by ${other.name}, which does not cut, and ${own.name} does not find the same frames in it`,
    })
  })
  return {
    backend: own.name,
    available: own.available,
    cut: (request) => Effect.flatMap(chosen(request.source), (by) => by.cut(request)),
    cutAll: (batch, onClip) => Effect.flatMap(chosen(batch.source), (by) => by.cutAll(batch, onClip)),
    decode: own.cutter.decode,
  }
}

/**
 * The cutter of these backends: the first that cuts and loads on this machine, and where it reads a file otherwise than the backend
 * that probed it, that one's.
 *
 * @param named the backend that has to cut, if one has
 */
export const cutterOf = Effect.fn("ClipCutter.choose")(function* (backends: Backends, named?: Backend) {
  const cutting = backends.filter(cuts)
  const [first] = cutting
  if (first === undefined) return noCutter(backends)
  if (named !== undefined && cuts(named)) return withSameFrames(named, backends)
  for (const backend of cutting)
    if (Either.isRight(yield* Effect.either(backend.available))) return withSameFrames(backend, backends)
  // Where none works, the first one says best what is missing.
  return withSameFrames(first, backends)
})
