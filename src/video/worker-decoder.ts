import { resolve } from "node:path"
import { Data, Duration, Effect } from "effect"
import * as v from "valibot"
import { isLarge, type PictureBudget } from "../picture/picture-size.ts"
import { inOrder, type Outlet } from "../threads/ordered.ts"
import type { BackendDecoder } from "./Backend.ts"
import { framesFor, type Target, targetsFor } from "./frame.ts"
import { MOST_TARGETS, splitTargets, type TargetGroup } from "./groups.ts"
import { aloneIfLarge, inMemory } from "./large-pictures.ts"
import { FrameItem, FramesReply, type LibavCall, PingReply, ProbeReply } from "./protocol.ts"
import type { FrameOptions, SampledFrame, VideoSource } from "./VideoDecoder.ts"
import type { VideoError } from "./VideoError.ts"
import type { VideoWorkers } from "./workers.ts"

/** How long a worker may wait for a slow consumer while another request waits for a worker. */
const PATIENCE_MS = 500
const LOOK_AGAIN_MS = 5

/** The consumer is slow and others need the worker: it is given back, with the picture that had no room. */
class Yielded extends Data.TaggedError("Yielded")<{ readonly item: FrameItem }> {}

/** Succeeds once a worker has loaded what it decodes with. */
export const loads = (pool: VideoWorkers) => {
  const request: LibavCall = { type: "ping" }
  return Effect.asVoid(pool.run({ file: "", request, result: PingReply, item: v.never() }))
}

/**
 * A decoder whose work is done by the threads of a pool.
 *
 * @param budget memory that one of them takes for a picture
 */
export const makeWorkerDecoder = (
  backend: string,
  pool: VideoWorkers,
  budget: PictureBudget,
): BackendDecoder => {
  const probe = Effect.fn("VideoDecoder.probe")(function* (file: string) {
    const path = resolve(file)
    const run = (alone: boolean) => {
      const request: LibavCall = { type: "probe", file: path, alone }
      return pool.run({ file: path, request, result: ProbeReply, item: v.never() })
    }
    const { probed } = yield* aloneIfLarge(path, budget, run)
    if (probed === undefined) return yield* Effect.die(new Error(`${path} was not probed`))
    return { ...probed, backend } satisfies VideoSource
  })

  const until = (condition: Effect.Effect<boolean>) =>
    Effect.repeat(Effect.sleep(Duration.millis(LOOK_AGAIN_MS)), { until: () => condition })

  /** Waits for room, but not while it keeps others from a worker. */
  const roomFor = Effect.fnUntraced(function* (item: FrameItem, outlet: Outlet<SampledFrame>) {
    if (!(yield* outlet.isFull)) return
    const room = Effect.map(outlet.isFull, (isFull) => !isFull)
    yield* until(room).pipe(Effect.timeoutOption(Duration.millis(PATIENCE_MS)))
    yield* until(Effect.zipWith(room, pool.contended, (hasRoom, contended) => hasRoom || contended))
    if (yield* outlet.isFull) return yield* new Yielded({ item })
  })

  const frames = (source: VideoSource, indices: ReadonlyArray<number>, { output }: FrameOptions) => {
    const targets = targetsFor(source, indices)

    const decodeGroup = ({ targets: all, keyframes }: TargetGroup, outlet: Outlet<SampledFrame>) => {
      const byPts = new Map(all.map((target) => [target.pts, target]))
      const push = (item: FrameItem) => {
        const target = byPts.get(item.wantedPts)
        return target === undefined ? Effect.void : outlet.push(framesFor(source, target, item, output))
      }
      const request = (wanted: ReadonlyArray<Target>): LibavCall => ({
        type: "frames",
        file: source.file,
        sizeBytes: source.sizeBytes,
        streamIndex: source.streamIndex,
        timeBase: source.timeBase,
        videoDelay: source.videoDelay,
        untimedFrames: source.untimedFrames,
        displayWidth: source.displayWidth,
        displayHeight: source.displayHeight,
        wantedPts: wanted.map((target) => target.pts),
        firstPts: source.framePts[0] ?? 0,
        keyframes,
        packetsTrusted: source.indexedBy === "packets",
        output,
      })
      const decodeFrom = (wanted: ReadonlyArray<Target>): Effect.Effect<void, VideoError> =>
        pool
          .run(
            { file: source.file, request: request(wanted), result: FramesReply, item: FrameItem },
            (item: FrameItem) => Effect.zipRight(roomFor(item, outlet), push(item)),
          )
          .pipe(
            Effect.catchTag("Yielded", ({ item }) => inTurns(item, wanted)),
            Effect.asVoid,
          )
      const inTurns = (item: FrameItem, wanted: ReadonlyArray<Target>) =>
        Effect.gen(function* () {
          yield* push(item)
          const rest = wanted.slice(wanted.findIndex((target) => target.pts === item.wantedPts) + 1)
          if (rest.length === 0) return
          yield* until(outlet.isEmpty)
          yield* decodeFrom(rest)
        })
      return decodeFrom(all)
    }
    return inOrder<TargetGroup, SampledFrame, VideoError>({
      groups: splitTargets(source, targets, pool.size),
      // Compressed pictures may wait, so that no worker stands still until another's group has been delivered.
      ...(isLarge(source.displayWidth, source.displayHeight)
        ? { window: 1, buffer: 2 }
        : output.format === "JPEG"
          ? { window: 2 * pool.size, buffer: MOST_TARGETS }
          : { window: pool.size, buffer: 2 }),
      run: (group, outlet) =>
        decodeGroup(group, outlet).pipe(
          inMemory(source.file, [source.displayWidth, source.displayHeight], budget),
          Effect.withSpan("VideoDecoder.frames"),
        ),
    })
  }

  return { probe, frames }
}
