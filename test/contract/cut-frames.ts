import { expect } from "bun:test"
import { join } from "node:path"
import { Effect } from "effect"
import { ClipCutter, type CutRequest } from "../../src/video/ClipCutter.ts"
import { VideoDecoder } from "../../src/video/VideoDecoder.ts"
import { triesAt } from "../support/attempts.ts"
import { runFolder } from "../support/folders.ts"
import { allNumbers, cutOf, secondsOf } from "../video/video-layers.ts"

/** Runs an effect with the cutter under test, and the decoder of libav. */
export type CutterRun = <A, E>(effect: Effect.Effect<A, E, VideoDecoder | ClipCutter>) => Promise<A>

const folder = runFolder()
let clips = 0

/** Path of a clip that is not there yet. */
export const nextClip = (): string => join(folder, `clip ${clips++}.part`)

/** Cuts the frames `[from, to)` of a file. */
export const cutFrames = Effect.fn("cutFrames")(function* (
  file: string,
  from: number,
  to: number,
  changes: Partial<CutRequest> = {},
) {
  const decoder = yield* VideoDecoder
  const source = yield* decoder.probe(file)
  const boundary = (i: number) => source.framePts[i] ?? source.endPts
  const output = nextClip()
  const reply = yield* (yield* ClipCutter).cut(cutOf(source, boundary(from), boundary(to), output, changes))
  expect(triesAt(output)).toHaveLength(1)
  return { source, reply, clip: yield* decoder.probe(output), output }
})

/**
 * The same, with what the clip shows: the numbers in its pictures, where it should begin, and the times that its frames and its end
 * should have, in seconds.
 */
export const cutAndRead = Effect.fn("cutAndRead")(function* (
  file: string,
  from: number,
  to: number,
  changes: Partial<CutRequest> = {},
) {
  const cut = yield* cutFrames(file, from, to, changes)
  const { reply, source } = cut
  const firstFrame = source.framePts.indexOf(reply.firstPts)
  const end = source.framePts[to] ?? source.endPts
  const expected = [...source.framePts.slice(firstFrame, to), end].map((pts) =>
    secondsOf(source, pts - reply.firstPts),
  )
  const { numbers } = yield* allNumbers(cut.output)
  return { ...cut, firstFrame, expected, numbers }
})
