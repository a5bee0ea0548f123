import { Effect, Either } from "effect"
import type { ClipCutter, CutBatch, CutRequest } from "./ClipCutter.ts"
import type { VideoDecoder, VideoSource } from "./VideoDecoder.ts"

type Cutter = ClipCutter["Type"]

/** What reads videos by one backend, and what cuts them. */
export interface Backend {
  readonly decoder: VideoDecoder["Type"]
  readonly cutter: Cutter
}

/** Whether a backend sees a source's frames as the backend did that probed it. */
const seesAlike = (source: VideoSource, own: VideoSource): boolean =>
  own.streamIndex === source.streamIndex &&
  own.timeBase.num * source.timeBase.den === source.timeBase.num * own.timeBase.den &&
  own.framePts.length === source.framePts.length &&
  own.framePts.every((pts, i) => pts === source.framePts[i])

/**
 * A cutter that leaves to others what it reads otherwise. Versions of libav differ in the times of damaged files, so that a
 * clip would hold other frames than those whose times were asked for: then the cutter of the backend that probed the file cuts it.
 *
 * @param cutter whose backend is one of `backends`
 */
export const withSameFrames = (cutter: Cutter, backends: ReadonlyArray<Backend>): Cutter => {
  const named = (name: string) => backends.find((backend) => backend.cutter.backend === name)
  const chosen = Effect.fnUntraced(function* (source: VideoSource) {
    const [own, other] = [named(cutter.backend), named(source.backend)]
    if (own === undefined || other === undefined || own === other) return cutter
    const probed = yield* Effect.either(own.decoder.probe(source.file))
    return Either.isRight(probed) && seesAlike(source, probed.right) ? cutter : other.cutter
  })
  return {
    ...cutter,
    cut: (request: CutRequest) => Effect.flatMap(chosen(request.source), (by) => by.cut(request)),
    cutAll: (batch: CutBatch, onClip) =>
      Effect.flatMap(chosen(batch.source), (by) => by.cutAll(batch, onClip)),
  }
}
