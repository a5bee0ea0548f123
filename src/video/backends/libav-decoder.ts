import { resolve } from "node:path"
import { Chunk, Effect, Layer, Queue, Stream, Take } from "effect"
import * as v from "valibot"
import { FrameItem, FramesReply, type LibavCall, ProbeReply } from "../protocol.ts"
import { nearestFrame } from "../sampling.ts"
import { type FrameOptions, type SampledFrame, VideoDecoder, type VideoSource } from "../VideoDecoder.ts"
import type { VideoError } from "../VideoError.ts"
import { LibavPool, loads } from "./libav-pool.ts"

const BACKEND = "libav"
/** Pictures that wait for the consumer, besides those that wait in the worker. */
const BUFFERED = 1

interface Wanted {
  readonly pts: number
  /** Which requests this frame answers, and its index. */
  readonly requests: ReadonlyArray<number>
  readonly frameIndex: number
}

/** The distinct frames nearest to the times, in order, each with the requests it answers. */
const wantedFrames = (source: VideoSource, timesSeconds: ReadonlyArray<number>): ReadonlyArray<Wanted> => {
  const requests = new Map<number, Array<number>>()
  timesSeconds.forEach((seconds, request) => {
    const frameIndex = nearestFrame(source.framePts, source.timeBase, seconds)
    requests.set(frameIndex, [...(requests.get(frameIndex) ?? []), request])
  })
  return [...requests].map(([frameIndex, asked]) => ({
    frameIndex,
    pts: source.framePts[frameIndex] ?? 0,
    requests: asked,
  }))
}

const sampled = (source: VideoSource, wanted: Wanted, { jpeg }: FrameItem): ReadonlyArray<SampledFrame> =>
  wanted.requests.map((request) => ({
    request,
    frameIndex: wanted.frameIndex,
    pts: wanted.pts,
    timestamp: Math.round((wanted.pts * source.timeBase.num * 1e6) / source.timeBase.den),
    displayWidth: source.displayWidth,
    displayHeight: source.displayHeight,
    jpeg,
  }))

const make = Effect.gen(function* () {
  const pool = yield* LibavPool

  const probe = Effect.fn("VideoDecoder.probe")(function* (file: string) {
    const path = resolve(file)
    const request: LibavCall = { type: "probe", file: path }
    return yield* pool.run({ file: path, request, result: ProbeReply, item: v.never() })
  })

  const frames = (source: VideoSource, timesSeconds: ReadonlyArray<number>, options: FrameOptions) =>
    Stream.unwrapScoped(
      Effect.gen(function* () {
        const wanted = wantedFrames(source, timesSeconds)
        const request: LibavCall = {
          type: "frames",
          file: source.file,
          streamIndex: source.streamIndex,
          displayWidth: source.displayWidth,
          displayHeight: source.displayHeight,
          wantedPts: wanted.map((frame) => frame.pts),
          keyframes: source.keyframes ?? [],
          packetsTrusted: source.indexedBy === "packets",
          jpegQuality: options.jpegQuality,
        }
        const out = yield* Queue.bounded<Take.Take<SampledFrame, VideoError>>(BUFFERED)
        const pending = wanted[Symbol.iterator]()
        const forward = (item: FrameItem) => {
          const next = pending.next()
          return next.done === true
            ? Effect.void
            : Effect.asVoid(
                Queue.offer(out, Take.chunk(Chunk.fromIterable(sampled(source, next.value, item)))),
              )
        }
        yield* pool.run({ file: source.file, request, result: FramesReply, item: FrameItem }, forward).pipe(
          Effect.matchCauseEffect({
            onFailure: (cause) => Queue.offer(out, Take.failCause(cause)),
            onSuccess: () => Queue.offer(out, Take.end),
          }),
          Effect.withSpan("VideoDecoder.frames"),
          Effect.forkScoped,
        )
        return Stream.fromQueue(out).pipe(Stream.flattenTake)
      }),
    )

  return VideoDecoder.of({ backend: BACKEND, available: loads(pool), probe, frames })
})

/** Decodes with libav in worker threads. */
export const layer: Layer.Layer<VideoDecoder, never, LibavPool> = Layer.effect(VideoDecoder, make)
