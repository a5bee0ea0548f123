import { makeBitmap } from "../../bmp.ts"
import type { FramesCall, FramesReply } from "../../protocol.ts"
import { keyframeIndex } from "../../sampling.ts"
import { WorkerFailure, type WorkerIo } from "../../serve.ts"
import { deliver, isQuarterTurn } from "../../upright.ts"
import type { SecondsRange } from "./arguments.ts"
import { type Attempt, makeDecoding, type RawPicture } from "./decoding.ts"
import { excerptOf } from "./excerpt.ts"
import { type InfoSource, type Media, packetPlaces } from "./media.ts"
import { streamAt } from "./media-info.ts"
import { release } from "./memory.ts"

/** Pictures that are encoded while the core goes on. */
const ENCODING = 2
/** Groups of pictures before a damaged one from which on everything is decoded, to come to it in the right state. */
const RUN_UP = 8

/** Which wanted frames are in one group of pictures. */
interface Gop {
  /** Position of its keyframe in `FramesCall.keyframes`; below zero if it starts before the first. */
  readonly key: number
  readonly wanted: ReadonlyArray<number>
}

const gopsOf = ({ keyframes, wantedPts, packetsTrusted }: FramesCall): ReadonlyArray<Gop> => {
  if (!packetsTrusted) return wantedPts.length === 0 ? [] : [{ key: -1, wanted: wantedPts }]
  const gops: Array<{ key: number; wanted: Array<number> }> = []
  for (const pts of wantedPts) {
    const key = keyframeIndex(keyframes, pts)
    const last = gops.at(-1)
    if (last?.key === key) last.wanted.push(pts)
    else gops.push({ key, wanted: [pts] })
  }
  return gops
}

/** How long after the last wanted frame packets may come that are shown before it, in seconds. */
const LEAD_SEC = 0.5

type Send = (wantedPts: number, picture: RawPicture) => Promise<void>

/** Encodes and sends pictures in order, a few of them while the core goes on. */
const makeSender = (
  call: FramesCall,
  io: WorkerIo,
  encode: (picture: RawPicture) => Promise<Uint8Array<ArrayBuffer>>,
) => {
  const encoding: Array<() => Promise<void>> = []
  const sendOldest = () => encoding.shift()?.()
  const send: Send = async (wantedPts, picture) => {
    const encoded = encode(picture)
    // Whoever awaits it sees the failure; until then it is not unhandled.
    encoded.catch(() => {})
    encoding.push(async () => {
      const data = await encoded
      io.emit({ wantedPts, pts: picture.pts, data }, [data.buffer])
    })
    if (encoding.length > ENCODING) await sendOldest()
  }
  const finish = async () => {
    while (encoding.length > 0) await sendOldest()
    return call.wantedPts.length
  }
  return { send, finish }
}

/**
 * Sends the pictures for the wanted PTS, in order: the frame itself, or the nearest that decodes. Only the groups of
 * pictures that hold one are decoded, each once and up to the last wanted frame.
 */
export const frames = async (
  call: FramesCall,
  media: Media,
  infoOf: InfoSource,
  io: WorkerIo,
): Promise<FramesReply> => {
  const { file, firstPts, keyframes } = call
  if (media.sizeBytes !== call.sizeBytes)
    throw new WorkerFailure(
      "DecodeFailed",
      `${file} has ${media.sizeBytes} bytes, but had ${call.sizeBytes} when it was probed: was it replaced?`,
    )
  /** Where decoding starts for the keyframe at this position; `undefined` for the start of the file. */
  const startOf = (key: number) => {
    const keyframe = keyframes[key]
    return keyframe === undefined || keyframe.pts <= firstPts ? undefined : keyframe
  }
  const gops = gopsOf(call)
  const seconds = (pts: number) => (pts * call.timeBase.num) / call.timeBase.den
  const ranges = gops.map(({ key, wanted }): SecondsRange => {
    return [seconds(startOf(key)?.pts ?? firstPts), seconds(wanted.at(-1) ?? firstPts) + LEAD_SEC]
  })
  const info = await infoOf(media)
  const { orientation, ...stream } = streamAt(file, info, call.streamIndex)
  const [width, height] = isQuarterTurn(orientation)
    ? [call.displayHeight, call.displayWidth]
    : [call.displayWidth, call.displayHeight]
  const decoding = makeDecoding(media, info, stream, {
    size: [width, height],
    chroma: stream.chroma,
    isSameSize: stream.width === width && stream.height === height,
  })
  const { send, finish } = makeSender(call, io, async ({ pixels }) => {
    const bitmap = makeBitmap(width, height)
    bitmap.pixels.set(pixels)
    const data = await deliver(bitmap, width, height, orientation, call.output)
    release(bitmap.file)
    return data
  })
  const carefully = async (key: number, wanted: ReadonlyArray<number>): Promise<void> => {
    for (const from of [startOf(key - RUN_UP), undefined])
      if (await decoding.nearest(from, wanted, send)) return
    throw new WorkerFailure("DecodeFailed", `${file}: not one frame decodes; the file is damaged`)
  }
  const packets = call.packetsTrusted ? await packetPlaces(media, call.streamIndex, ranges) : []
  const source = { ...stream, fd: media.fd }
  /** Packets from a keyframe on, in order of decoding, up to some after the last wanted frame. */
  const packetsFrom = (fromPts: number, wanted: ReadonlyArray<number>) => {
    const first = packets.findIndex(({ pts }) => pts === fromPts)
    const last = packets.findLastIndex(({ pts }) => seconds(pts) < seconds(wanted.at(-1) ?? 0) + LEAD_SEC)
    return first < 0 ? [] : packets.slice(first, last + 1)
  }
  for (const { key, wanted } of gops) {
    const from = startOf(key)
    const excerpt = call.packetsTrusted
      ? excerptOf(source, packetsFrom(from?.pts ?? firstPts, wanted), wanted)
      : undefined
    // What a decode of the whole file gives is right by definition.
    const toleratesDamage = from === undefined && excerpt === undefined
    const attempt: Attempt = { from, wanted, toleratesDamage, excerpt }
    const done = await decoding.exact(attempt, send)
    if (done < wanted.length) await carefully(key, wanted.slice(done))
  }
  return { frames: await finish(), decoded: decoding.decoded() }
}
