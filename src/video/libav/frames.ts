import type { Frame } from "node-av/lib"
import { isLarge } from "../../picture/picture-size.ts"
import { makeSender } from "../../threads/sender.ts"
import type { WorkerIo } from "../../threads/serve.ts"
import { type Gop, gopsOf, startOf } from "../gops.ts"
import type { FramesCall, FramesReply } from "../protocol.ts"
import { VideoFailure } from "../workers.ts"
import { makePictureWriter } from "./picture-writer.ts"
import { type Decoded, Lost, Reader } from "./reader.ts"
import { walk } from "./walk.ts"

/** Pictures that are encoded while the decoder goes on. */
const ENCODING = 2
/** Of large pictures none: they would take too much memory. */
const encodedMeanwhile = ({ displayWidth, displayHeight }: FramesCall): number =>
  isLarge(displayWidth, displayHeight) ? 0 : ENCODING

/** What a frame is delivered to: may hold it up until there is room. */
type Deliver = (wantedPts: number, pts: number, frame: Frame) => Promise<void>

/**
 * How many groups of pictures before a damaged one are decoded to come to it in the right state: what replaces the damaged
 * part of a key frame comes from pictures before it.
 */
const RUN_UP = [4, 8]

/**
 * Decodes one group of pictures with as little work as possible, and says how many of the wanted frames came out before
 * something was missing or damaged.
 */
const quickly = async (reader: Reader, call: FramesCall, gop: Gop, deliver: Deliver): Promise<number> => {
  reader.start(startOf(call, gop.key), new Set(gop.wanted))
  let done = 0
  for (let out = reader.next(); out !== undefined; out = reader.next()) {
    const wanted = gop.wanted[done]
    if (wanted === undefined) continue
    if (reader.damage.length > 0 || out.pts > wanted) return done
    if (out.pts < wanted) continue
    await deliver(wanted, out.pts, out.frame)
    done++
  }
  return done
}

/**
 * Decodes everything from some groups before a damaged one, so that its frames look as in a decode of the whole file,
 * and gives the nearest frame for those that do not come out.
 */
const carefully = async (reader: Reader, call: FramesCall, gop: Gop, deliver: Deliver): Promise<void> => {
  const key = call.keyframes[gop.key]
  for (const groups of RUN_UP) {
    const from = startOf(call, gop.key - groups)
    reader.start(from)
    const early = (out: Decoded | undefined) =>
      from !== undefined &&
      groups !== RUN_UP.at(-1) &&
      (out === undefined || reader.damage.some((pts) => pts < (key?.pts ?? 0)))
    const done = await walk(reader, gop.wanted, deliver, early)
    if (done) return
  }
  reader.start(undefined)
  if (!(await walk(reader, gop.wanted, deliver)))
    throw new VideoFailure("DecodeFailed", `${call.file}: not one frame decodes; the file is damaged`)
}

const decode = async (reader: Reader, call: FramesCall, deliver: Deliver): Promise<void> => {
  let sent = 0
  const counted: Deliver = async (wantedPts, pts, frame) => {
    await deliver(wantedPts, pts, frame)
    sent++
  }
  try {
    if (!call.packetsTrusted || call.keyframes.length === 0) throw new Lost()
    for (const gop of gopsOf(call, call.wantedPts)) {
      const done = await quickly(reader, call, gop, counted)
      const rest = { ...gop, wanted: gop.wanted.slice(done) }
      if (rest.wanted.length > 0) await carefully(reader, call, rest, counted)
    }
  } catch (error) {
    if (!(error instanceof Lost)) throw error
    reader.start(undefined)
    if (!(await walk(reader, call.wantedPts.slice(sent), counted)))
      throw new VideoFailure("DecodeFailed", `${call.file}: not one frame decodes; the file is damaged`)
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
  await decode(reader, call, (wantedPts, pts, frame) => sender.send(wantedPts, pts, writer.write(frame)))
  await sender.finish()
  return { frames: call.wantedPts.length, decoded: reader.decoded }
}
