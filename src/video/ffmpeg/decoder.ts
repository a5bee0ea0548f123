import { resolve } from "node:path"
import { Effect, Stream } from "effect"
import { byCommandLine, isLarge } from "../../picture/picture-size.ts"
import { inOrder } from "../../threads/ordered.ts"
import type { BackendDecoder } from "../Backend.ts"
import { probedBy, streamToProbe } from "../ffprobe/probe.ts"
import { framesFor, type Target, targetsFor } from "../frame.ts"
import { splitTargets, type TargetGroup } from "../groups.ts"
import { inMemory } from "../large-pictures.ts"
import { readableSize } from "../readable.ts"
import { requireSameSize } from "../replaced.ts"
import type { FrameOptions, SampledFrame, VideoSource } from "../VideoDecoder.ts"
import type { VideoError } from "../VideoError.ts"
import { orVideoError } from "../workers.ts"
import { indexFrames, makeInfoSource } from "./listing.ts"
import { makePictures } from "./pictures.ts"
import type { FfmpegProgram } from "./program.ts"

/** Pictures that one process makes: it gives them all before the first is delivered. */
const AT_ONCE = 8

/** Targets that one process decodes at most, in order. */
const runsOf = (targets: ReadonlyArray<Target>): ReadonlyArray<ReadonlyArray<Target>> =>
  Array.from({ length: Math.ceil(targets.length / AT_ONCE) }, (_, i) =>
    targets.slice(i * AT_ONCE, (i + 1) * AT_ONCE),
  )

/**
 * Decodes with an ffmpeg program: same frames as the other backends, one process for each group of pictures.
 *
 * @param backend its name
 */
export const makeDecoder = (backend: string, program: FfmpegProgram): BackendDecoder => {
  const infoOf = makeInfoSource(program)

  const probe = Effect.fn("VideoDecoder.probe")(function* (name: string) {
    const file = resolve(name)
    const sizeBytes = yield* readableSize(file)
    const info = yield* infoOf(file)
    const stream = yield* orVideoError(file, () => streamToProbe(file, info))
    const index = yield* indexFrames(program, file, stream).pipe(
      inMemory(file, [stream.width, stream.height], byCommandLine),
    )
    // Where there is no ffprobe, nothing says how many frames are held back.
    const facts = { ...stream, videoDelay: undefined }
    const reply = yield* orVideoError(file, () => probedBy({ file, sizeBytes }, info, facts, index))
    return { ...reply, backend } satisfies VideoSource
  })

  const checkUnchanged = (source: VideoSource) =>
    Effect.flatMap(readableSize(source.file), (now) =>
      orVideoError(source.file, () => requireSameSize(source, now)),
    )

  const frames = (source: VideoSource, indices: ReadonlyArray<number>, { output }: FrameOptions) => {
    const all = targetsFor(source, indices)
    const groups = splitTargets(source, all, program.size)
    if (groups.length === 0) return Stream.empty
    return Stream.unwrapScoped(
      Effect.gen(function* () {
        yield* checkUnchanged(source)
        const pictures = yield* makePictures(
          program,
          infoOf,
          source,
          output,
          all.map(({ pts }) => pts),
        )
        return inOrder<TargetGroup, SampledFrame, VideoError>({
          groups,
          window: isLarge(source.displayWidth, source.displayHeight) ? 1 : program.size,
          buffer: output.format === "JPEG" ? AT_ONCE : 2,
          run: (group, outlet) =>
            Effect.forEach(
              runsOf(group.targets),
              (targets) => {
                const byPts = new Map(targets.map((target) => [target.pts, target]))
                return pictures([...byPts.keys()], ({ wantedPts, picture }) => {
                  const target = byPts.get(wantedPts)
                  return target === undefined
                    ? Effect.void
                    : outlet.push(framesFor(source, target, picture, output))
                })
              },
              { discard: true },
            ).pipe(inMemory(source.file, [source.displayWidth, source.displayHeight], byCommandLine)),
        })
      }),
    )
  }

  return { probe, frames }
}
