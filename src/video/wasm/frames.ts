import { stackTiles } from "../../picture/bands.ts"
import { isLarge } from "../../picture/picture-size.ts"
import { collectAfter } from "../../picture/release.ts"
import { makeSender } from "../../threads/sender.ts"
import type { WorkerIo } from "../../threads/serve.ts"
import { deliverPixels } from "../ffprobe/deliver-pixels.ts"
import { excerptOf } from "../ffprobe/excerpt.ts"
import { formFor, tileCount, tileSize } from "../ffprobe/filters.ts"
import { partOf, rangeOf } from "../ffprobe/gop-packets.ts"
import { streamAt } from "../ffprobe/media-info.ts"
import { type Gop, gopsOf, startOf } from "../gops.ts"
import type { FramesCall, FramesReply } from "../protocol.ts"
import { VideoFailure } from "../workers.ts"
import { type Attempt, makeDecoding, type RawPicture } from "./decoding.ts"
import { type InfoSource, type Media, packetPlaces } from "./media.ts"

/** Pictures that are encoded while the core goes on: few, since memory is what this backend takes most of. */
const ENCODING = 1
/** Groups of pictures before a damaged one from which on everything is decoded, to come to it in the right state. */
const RUN_UP = 8

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
  const { file } = call
  if (media.sizeBytes !== call.sizeBytes)
    throw new VideoFailure(
      "DecodeFailed",
      `${file} has ${media.sizeBytes} bytes, but had ${call.sizeBytes} when it was probed: was it replaced?`,
    )
  const info = await infoOf(media)
  const { orientation, ...stream } = streamAt(file, info, call.streamIndex)
  const form = formFor(stream, call, orientation, call.output)
  const { untimedFrames } = call
  const decoding = makeDecoding(media, info, { ...stream, untimedFrames }, form)
  const sender = makeSender(io, isLarge(...form.size) ? 0 : ENCODING)
  const unfinished = new Map<number, Array<Uint8Array<ArrayBuffer>>>()
  const send = async (wantedPts: number, { pts, pixels }: RawPicture): Promise<void> => {
    const encoded = deliverPixels(pixels, tileSize(form), orientation, call.output)
    if (tileCount(form) === 1) return sender.send(wantedPts, pts, encoded)
    const tiles = [...(unfinished.get(wantedPts) ?? []), await encoded]
    unfinished.set(wantedPts, tiles)
    if (tiles.length < tileCount(form)) return
    unfinished.delete(wantedPts)
    await sender.send(wantedPts, pts, Promise.resolve(stackTiles(tiles, orientation)))
  }
  const finish = async (): Promise<FramesReply> => {
    await sender.finish()
    return { frames: call.wantedPts.length, decoded: decoding.decoded() }
  }
  const carefully = async ({ key, wanted }: Gop): Promise<void> => {
    for (const from of [startOf(call, key - RUN_UP), undefined])
      if (await decoding.nearest(from, wanted, send)) return
    throw new VideoFailure("DecodeFailed", `${file}: not one frame decodes; the file is damaged`)
  }
  if (call.wantedPts.length === 0) return finish()
  if (!call.packetsTrusted) {
    const whole: Attempt = {
      from: undefined,
      wanted: call.wantedPts,
      toleratesDamage: true,
      excerpt: undefined,
    }
    const done = await decoding.exact(whole, send)
    const rest = call.wantedPts.slice(done)
    if (rest.length > 0) await carefully({ key: -1, wanted: rest })
    return finish()
  }
  const gops = gopsOf(call, call.wantedPts)
  const packets = await packetPlaces(
    media,
    call.streamIndex,
    gops.map((gop) => rangeOf(call, gop)),
  )
  const excerptFor = (some: ReadonlyArray<Gop>) =>
    excerptOf(
      { ...stream, fd: media.fd, poll: io.poll },
      some.map((gop) => partOf(call, gop, packets)),
    )
  const together = gops.length > 1 ? excerptFor(gops) : undefined
  const all: Attempt = {
    from: undefined,
    wanted: call.wantedPts,
    toleratesDamage: false,
    excerpt: together,
  }
  const given = together === undefined ? 0 : await decoding.exact(all, send)
  for (const gop of gopsOf(call, call.wantedPts.slice(given))) {
    const from = startOf(call, gop.key)
    const excerpt = excerptFor([gop])
    // What a decode of the whole file gives is right by definition.
    const toleratesDamage = from === undefined && excerpt === undefined
    const done = await decoding.exact({ from, wanted: gop.wanted, toleratesDamage, excerpt }, send)
    if (done < gop.wanted.length) await carefully({ ...gop, wanted: gop.wanted.slice(done) })
  }
  const reply = await finish()
  collectAfter(packets.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))
  return reply
}
