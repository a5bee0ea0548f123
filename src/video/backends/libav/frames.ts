import type { Frame } from "node-av/lib"
import type { FramesCall, FramesReply } from "../../protocol.ts"
import { keyframeIndex } from "../../sampling.ts"
import { WorkerFailure, type WorkerIo } from "../../serve.ts"
import type { Keyframe } from "../../VideoDecoder.ts"
import { makePictureWriter } from "./convert.ts"
import { type Decoded, Lost, Reader } from "./reader.ts"
import { walk } from "./walk.ts"

/** Pictures that are encoded while the decoder goes on. */
const ENCODING = 2

/** What a frame is delivered to: may hold it up until there is room. */
type Deliver = (wantedPts: number, pts: number, frame: Frame) => Promise<void>

/**
 * How many groups of pictures before a damaged one are decoded to come to it in the right state: what replaces the damaged
 * part of a keyframe comes from pictures before it.
 */
const RUN_UP = [4, 8]

/** Which wanted frames are in one group of pictures. */
interface Gop {
  /** Position of its keyframe in `FramesCall.keyframes`; below zero if it starts before the first. */
  readonly key: number
  readonly wanted: ReadonlyArray<number>
}

const gopsOf = ({ keyframes, wantedPts }: FramesCall): ReadonlyArray<Gop> => {
  const gops: Array<{ key: number; wanted: Array<number> }> = []
  for (const pts of wantedPts) {
    const key = keyframeIndex(keyframes, pts)
    const last = gops.at(-1)
    if (last?.key === key) last.wanted.push(pts)
    else gops.push({ key, wanted: [pts] })
  }
  return gops
}

/** Where decoding starts for the keyframe at this position: there, or at the start of the file. */
const startOf = (call: FramesCall, key: number): Keyframe | undefined => {
  const keyframe = call.keyframes[key]
  return keyframe === undefined || keyframe.pts <= call.firstPts ? undefined : keyframe
}

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
    throw new WorkerFailure("DecodeFailed", `${call.file}: not one frame decodes; the file is damaged`)
}

const decode = async (reader: Reader, call: FramesCall, deliver: Deliver): Promise<void> => {
  let sent = 0
  const counted: Deliver = async (wantedPts, pts, frame) => {
    await deliver(wantedPts, pts, frame)
    sent++
  }
  try {
    if (!call.packetsTrusted || call.keyframes.length === 0) throw new Lost()
    for (const gop of gopsOf(call)) {
      const done = await quickly(reader, call, gop, counted)
      const rest = { ...gop, wanted: gop.wanted.slice(done) }
      if (rest.wanted.length > 0) await carefully(reader, call, rest, counted)
    }
  } catch (error) {
    if (!(error instanceof Lost)) throw error
    reader.start(undefined)
    if (!(await walk(reader, call.wantedPts.slice(sent), counted)))
      throw new WorkerFailure("DecodeFailed", `${call.file}: not one frame decodes; the file is damaged`)
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
  const encoding: Array<() => Promise<void>> = []
  const emitOldest = () => encoding.shift()?.()
  await decode(reader, call, async (wantedPts, pts, frame) => {
    const picture = writer.write(frame)
    // Whoever awaits it sees the failure; until then it is not unhandled.
    picture.catch(() => {})
    encoding.push(async () => {
      const data = await picture
      io.emit({ wantedPts, pts, data }, [data.buffer])
    })
    if (encoding.length > ENCODING) await emitOldest()
  })
  while (encoding.length > 0) await emitOldest()
  return { frames: call.wantedPts.length, decoded: reader.decoded }
}
