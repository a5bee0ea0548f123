import type { Frame } from "node-av/lib"
import type { KeyPacket } from "../../bitstream/key-packet.ts"
import { isLarge } from "../../picture/picture-size.ts"
import { makeSender } from "../../threads/sender.ts"
import type { WorkerIo } from "../../threads/serve.ts"
import { type DecodeOutcome, type DecodeStep, decodeLadder, nothingDecodes } from "../decode-ladder.ts"
import type { FramesCall, FramesReply } from "../protocol.ts"
import { keyframeIndex } from "../sampling.ts"
import { VideoFailure } from "../VideoFailure.ts"
import { makePictureWriter } from "./picture-writer.ts"
import { type Decoded, Reader, SeekMissed } from "./reader.ts"
import { walk } from "./walk.ts"

/** Pictures that are encoded while the decoder goes on. */
const ENCODING = 2
/** Of large pictures none: they would take too much memory. */
const encodedMeanwhile = ({ displayWidth, displayHeight }: FramesCall): number =>
  isLarge(displayWidth, displayHeight) ? 0 : ENCODING

/** What a frame is delivered to: may hold it up until there is room. */
type Deliver = (wantedPts: number, pts: number, frame: Frame) => Promise<void>

/** How many groups of pictures before a damaged one are decoded to come to it in the right state. */
const RUN_UPS = [4, 8]

/** Decodes as little as possible, and says how many of the wanted frames came out before something was missing or damaged. */
const decodeUndamaged = async (
  reader: Reader,
  { from, wanted }: DecodeStep,
  deliver: Deliver,
): Promise<number> => {
  reader.start(from, new Set(wanted))
  let done = 0
  for (let out = reader.next(); out !== undefined; out = reader.next()) {
    const next = wanted[done]
    if (next === undefined) continue
    if (reader.damage.length > 0 || out.pts > next) return done
    if (out.pts < next) continue
    await deliver(next, out.pts, out.frame)
    done++
  }
  return done
}

/** Decodes everything from there on, and gives the nearest frame for those that do not come out. */
const decodeNearest = async (
  reader: Reader,
  { from, mayBeginEarlier, wanted }: DecodeStep,
  firstKey: KeyPacket | undefined,
  deliver: Deliver,
): Promise<number> => {
  reader.start(from)
  const isTooLate = (before: Decoded | undefined) =>
    mayBeginEarlier && (before === undefined || reader.damage.some((pts) => pts < (firstKey?.pts ?? 0)))
  return (await walk(reader, wanted, deliver, isTooLate)) ? wanted.length : 0
}

const perform = async (
  reader: Reader,
  call: FramesCall,
  step: DecodeStep,
  deliver: Deliver,
): Promise<DecodeOutcome> => {
  // Groups that are far apart are decoded one by one.
  if (step.gops.length > 1) return 0
  try {
    if (step.choice === "undamaged") return await decodeUndamaged(reader, step, deliver)
    // A decode of everything finds the nearest frames as it goes.
    const key = call.keyframes[keyframeIndex(call.keyframes, step.wanted[0] ?? 0)]
    return await decodeNearest(reader, step, key, deliver)
  } catch (error) {
    if (error instanceof SeekMissed) return "lost"
    throw error
  }
}

/**
 * Sends the pictures for the wanted PTS, in order: the frame itself, or the nearest that decodes. Only the groups of
 * pictures that hold one are decoded, each once, and of these only what a wanted frame depends on.
 */
export const frames = async (call: FramesCall, io: WorkerIo): Promise<FramesReply> => {
  using reader = new Reader(call, io)
  using writer = makePictureWriter(
    call.file,
    [call.displayWidth, call.displayHeight],
    reader.orientation,
    call.output,
  )
  const sender = makeSender(io, encodedMeanwhile(call))
  const deliver: Deliver = (wantedPts, pts, frame) => sender.send(wantedPts, pts, writer.write(frame))
  const ladder = decodeLadder(call, RUN_UPS)
  let next = ladder.next()
  while (next.done !== true) next = ladder.next(await perform(reader, call, next.value, deliver))
  if (!next.value) throw new VideoFailure("DecodeFailed", nothingDecodes(call.file))
  await sender.finish()
  return { frames: call.wantedPts.length, decoded: reader.decoded }
}
