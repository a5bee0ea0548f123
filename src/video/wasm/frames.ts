import { stackTiles } from "../../picture/bands.ts"
import { isLarge } from "../../picture/picture-size.ts"
import { collectAfter } from "../../picture/release.ts"
import { makeSender } from "../../threads/sender.ts"
import type { WorkerIo } from "../../threads/serve.ts"
import { type DecodeStep, decodeLadder, nothingDecodes } from "../decode-ladder.ts"
import { deliverPixels } from "../ffprobe/deliver-pixels.ts"
import { excerptOf } from "../ffprobe/excerpt.ts"
import { formFor, tileCount, tileSize } from "../ffprobe/filters.ts"
import { partOf, rangeOf } from "../ffprobe/gop-packets.ts"
import { streamAt } from "../ffprobe/media-info.ts"
import { type Gop, gopsOf } from "../gops.ts"
import type { FramesCall, FramesReply } from "../protocol.ts"
import { requireSameSize } from "../replaced.ts"
import { VideoFailure } from "../VideoFailure.ts"
import { makeDecoding, type RawPicture } from "./decoding.ts"
import { type InfoSource, type Media, packetPlaces } from "./media.ts"

/** Pictures that are encoded while the core goes on: few, since memory is what this backend takes most of. */
const ENCODING = 1
/** Groups of pictures before a damaged one from which on everything is decoded, to come to it in the right state. */
const RUN_UPS = [8]

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
  requireSameSize(call, media.sizeBytes)
  const info = await infoOf(media)
  const { orientation, ...stream } = streamAt(file, info, call.streamIndex)
  const form = formFor(stream, call, orientation, call.output)
  const { untimedFrames } = call
  const decoding = makeDecoding(media, info, { ...stream, untimedFrames }, form)
  const sender = makeSender(io, isLarge(...form.size) ? 0 : ENCODING)
  const unfinished = new Map<number, Array<Uint8Array<ArrayBuffer>>>()
  const send = async (wantedPts: number, { pts, pixels, tile }: RawPicture): Promise<void> => {
    const encoded = deliverPixels(pixels, tileSize(form), orientation, call.output)
    if (tileCount(form) === 1) return sender.send(wantedPts, pts, encoded)
    // Of a picture that was given up in an earlier step, tiles may be left.
    const before = tile === 0 ? [] : (unfinished.get(wantedPts) ?? [])
    const tiles = [...before, await encoded]
    unfinished.set(wantedPts, tiles)
    if (tiles.length < tileCount(form)) return
    unfinished.delete(wantedPts)
    await sender.send(wantedPts, pts, Promise.resolve(stackTiles(tiles, orientation)))
  }
  const isGrouped = call.packetsTrusted && call.keyframes.length > 0 && call.wantedPts.length > 0
  const packets = isGrouped
    ? await packetPlaces(
        media,
        call.streamIndex,
        gopsOf(call, call.wantedPts).map((gop) => rangeOf(call, gop)),
      )
    : []
  const excerptFor = (gops: ReadonlyArray<Gop>) =>
    excerptOf(
      { ...stream, fd: media.fd, poll: io.poll },
      gops.map((gop) => partOf(call, gop, packets)),
    )
  const perform = async ({ choice, from, gops, wanted }: DecodeStep): Promise<number> => {
    if (choice === "nearest") return decoding.nearest(from, wanted, send)
    const excerpt = gops.length > 0 ? excerptFor(gops) : undefined
    if (gops.length > 1 && excerpt === undefined) return 0
    // What a decode of the whole file gives is right by definition.
    const toleratesDamage = from === undefined && excerpt === undefined
    return decoding.exact({ from, wanted, toleratesDamage, excerpt }, send)
  }
  const ladder = decodeLadder(call, RUN_UPS)
  let next = ladder.next()
  while (next.done !== true) next = ladder.next(await perform(next.value))
  if (!next.value) throw new VideoFailure("DecodeFailed", nothingDecodes(file))
  await sender.finish()
  collectAfter(packets.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))
  return { frames: call.wantedPts.length, decoded: decoding.decoded() }
}
