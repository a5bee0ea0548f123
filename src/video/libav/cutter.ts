import { Effect } from "effect"
import * as v from "valibot"
import { inProcess, isHuge } from "../../picture/picture-size.ts"
import { removeAttempts } from "../attempt.ts"
import { cutFor } from "../autorotate.ts"
import type { BackendCutter } from "../Backend.ts"
import type { CutBatch, CutRequest, CutResult } from "../ClipCutter.ts"
import { frameRateOf } from "../frame-rate.ts"
import { aloneIfLarge, inMemory } from "../large-pictures.ts"
import { type CutCall, CutItem, CutReply, type DecodeCall, DecodeReply } from "../protocol.ts"
import { framesBetween, keyframeIndex } from "../sampling.ts"
import type { VideoSource } from "../VideoDecoder.ts"
import type { VideoWorkers } from "../workers.ts"

type Clips = CutCall["clips"]

/** Neighbouring clips for each of at most `workers` threads, about as many frames for each. */
const shareOut = (
  clips: Clips,
  workers: number,
): ReadonlyArray<{ readonly at: number; readonly clips: Clips }> => {
  const frames = clips.reduce((sum, { framePts }) => sum + framePts.length, 0)
  const shares: Array<{ at: number; clips: Array<Clips[number]> }> = []
  let before = 0
  for (const [at, clip] of clips.entries()) {
    const middle = before + clip.framePts.length / 2
    const share = Math.min(workers - 1, Math.floor((middle * workers) / Math.max(1, frames)))
    const last = shares.at(-1)
    if (last === undefined || share >= shares.length) shares.push({ at, clips: [clip] })
    else last.clips.push(clip)
    before += clip.framePts.length
  }
  return shares
}

const callFor = ({
  clips,
  source,
  ...settings
}: Omit<CutBatch, "clips"> & { readonly clips: Clips }): CutCall => {
  const { keyframes = [] } = source
  const from = Math.max(0, keyframeIndex(keyframes, clips[0]?.framePts[0] ?? 0))
  const to = keyframeIndex(keyframes, clips.at(-1)?.endPts ?? source.endPts)
  return {
    type: "cut",
    file: source.file,
    sizeBytes: source.sizeBytes,
    streamIndex: source.streamIndex,
    timeBase: source.timeBase,
    keyframes: keyframes.slice(from, to + 1),
    frameRate: frameRateOf(source),
    packetsTrusted: source.indexedBy === "packets",
    hasBrokenIndex: source.hasBrokenIndex,
    untimedFrames: source.untimedFrames,
    clips,
    ...settings,
  }
}

/** Frames of a clip. A copy holds packets that may not decode; a frame counts if the index knows it. */
const framesIn = ({ framePts }: VideoSource, firstPts: number, endPts: number): number =>
  framesBetween(framePts, firstPts, endPts).length

/** How many of the wanted frames are not in the clip, if any. */
const missing = (wanted: number, frames = wanted): Pick<CutResult, "missingFrames"> =>
  frames < wanted ? { missingFrames: wanted - frames } : {}

/**
 * Cuts with libav in worker threads.
 *
 * @param name of the backend
 */
export const makeCutter = (name: string, pool: VideoWorkers): BackendCutter => {
  const cutAll = Effect.fn("ClipCutter.cutAll")(function* <E, R>(
    { clips: ranges, source, ...asked }: CutBatch,
    onClip: (result: CutResult, clip: number) => Effect.Effect<void, E, R>,
  ) {
    const { reason: notAsked, ...how } = cutFor(asked, source)
    const settings = { ...asked, ...how }
    const clips = ranges.map((range) => ({
      ...range,
      framePts: framesBetween(source.framePts, range.startPts, range.endPts),
    }))
    const context = yield* Effect.context<R>()
    const cutShare = ({ at, clips: share }: { readonly at: number; readonly clips: Clips }) => {
      const kept = new Set<string>()
      const handOver = ({ clip, firstPts, frames, reason = notAsked, ...cutAs }: CutItem) => {
        const range = share[clip]
        if (range === undefined) return Effect.die(new Error(`there is no clip ${clip}`))
        kept.add(range.output)
        const result: CutResult = {
          frames: frames ?? framesIn(source, firstPts, range.endPts),
          firstPts,
          cutter: name,
          ...cutAs,
          ...missing(range.framePts.length, frames),
          ...(reason === undefined ? {} : { reason }),
        }
        return Effect.provide(onClip(result, at + clip), context)
      }
      // The worker removes what it wrote; this is for a worker that had to be left to itself.
      const remove = Effect.suspend(() =>
        Effect.forEach(
          share.filter(({ output }) => !kept.has(output)),
          ({ output }) => Effect.ignore(Effect.try(() => removeAttempts(output))),
          { discard: true },
        ),
      )
      const request = callFor({ ...settings, source, clips: share })
      return pool.run({ file: source.file, request, result: CutReply, item: CutItem }, handOver).pipe(
        Effect.onError(() => remove),
        inMemory(source.file, size, inProcess),
      )
    }
    const size = [source.codedWidth, source.codedHeight] as const
    const workers = isHuge(...size) ? 1 : pool.size
    yield* Effect.forEach(shareOut(clips, workers), cutShare, { concurrency: "unbounded", discard: true })
  })

  const cut = Effect.fn("ClipCutter.cut")(function* ({ startPts, endPts, output, ...batch }: CutRequest) {
    const results: Array<CutResult> = []
    yield* cutAll({ ...batch, clips: [{ startPts, endPts, output }] }, (result) =>
      Effect.sync(() => results.push(result)),
    )
    const [result] = results
    return result ?? (yield* Effect.die(new Error(`${output} was not said to be whole`)))
  })

  const decode = Effect.fn("ClipCutter.decode")(function* (file: string) {
    const run = (alone: boolean) => {
      const request: DecodeCall = { type: "decode", file, alone }
      return pool.run({ file, request, result: DecodeReply, item: v.never() })
    }
    const { decoded } = yield* aloneIfLarge(file, inProcess, run)
    return decoded ?? (yield* Effect.die(new Error(`${file} was not decoded`)))
  })

  return { cut, cutAll, decode }
}
