import {
  type FrameIndex,
  makeFrameIndexer,
  makePacketIndexer,
  onePacketOneFrame,
  type PacketFacts,
  type PacketStream,
  type Shown,
} from "./packet-index.ts"
import { countUntimed, mayBeInvented, type PacketTimes } from "./untimed.ts"

/** How many frames are decoded to check that the packet headers tell the truth. */
export const CHECKED_FRAMES = 3

/** A packet of a stream. */
export interface StreamPacket extends PacketFacts {
  /** Whether its frame is shown: no edit list discards it, and it does more than to update what others refer to. */
  readonly isShown: boolean
}

/** What a decoder makes of a damaged packet: a frame with what there is of it, or, so that none is passed over without a word, none. */
export type OnDamage = "conceal" | "refuse"

/** What a backend is to read next of a stream, from the start of the file, and where it says what it finds, in order. */
export type IndexStep =
  | {
      /** All packets, in order of decoding. */
      readonly read: "packets"
      /** `false` once nothing more is of interest. */
      readonly onPacket: (packet: StreamPacket) => boolean
    }
  | {
      /** The first `CHECKED_FRAMES` frames that a decoder gives, and perhaps some more. */
      readonly read: "firstFrames"
      readonly onFrame: (pts: number | undefined) => void
    }
  | {
      /** Every frame that a decoder gives. */
      readonly read: "allFrames"
      readonly onDamage: OnDamage
      readonly onFrame: (frame: Shown) => void
      /** Where the decoder tells: PTS of a frame that came out damaged. */
      readonly onDamagedFrame: (pts: number | undefined) => void
      /**
       * Where the decoder tells, and damage is refused: PTS of a packet that it refused, or of which the container says that something
       * is missing.
       */
      readonly onDamagedPacket: (pts: number | undefined) => void
    }
  | {
      /** Times of the first packets, in order of decoding; none from a decoder that gives no frame a time which it has not. */
      readonly read: "firstPackets"
      readonly onPacket: (times: PacketTimes) => void
    }

/** What a decode of the whole stream gave. */
interface WholeDecode {
  readonly frames: ReadonlyArray<Shown>
  readonly damagedFrames: ReadonlySet<number | undefined>
  readonly damagedPackets: ReadonlySet<number | undefined>
}

type Steps<A> = Generator<IndexStep, A, boolean>

function* decodeWhole(onDamage: OnDamage): Steps<WholeDecode> {
  const frames: Array<Shown> = []
  const damagedFrames = new Set<number | undefined>()
  const damagedPackets = new Set<number | undefined>()
  yield {
    read: "allFrames",
    onDamage,
    onFrame: (frame) => frames.push(frame),
    onDamagedFrame: (pts) => damagedFrames.add(pts),
    onDamagedPacket: (pts) => damagedPackets.add(pts),
  }
  return { frames, damagedFrames, damagedPackets }
}

/** How many of these frames, at the start, have an invented time. */
function* countInvented(stream: PacketStream, frames: ReadonlyArray<Shown>): Steps<number> {
  if (!mayBeInvented(stream, frames)) return 0
  const packets: Array<PacketTimes> = []
  yield { read: "firstPackets", onPacket: (times) => packets.push(times) }
  return countUntimed(packets, stream)
}

/** Frame times from a full decode, of which the first `untimed` have none. */
const indexOf = (
  stream: PacketStream,
  frames: ReadonlyArray<Shown>,
  untimed: number,
  usualDuration: number | undefined,
): FrameIndex => {
  const indexer = makeFrameIndexer(stream)
  for (const frame of frames.slice(untimed)) indexer.add(frame)
  return { ...indexer.finish(usualDuration), ...(untimed === 0 ? {} : { untimedFrames: untimed }) }
}

/**
 * The steps by which the times of all frames are found: from packet headers, if these are complete and agree with the first decoded
 * frames; else by decoding the whole stream, which also finds the frames that do not decode as they should. The generator is told of
 * each step whether the backend read what there is, as it stands in the file. At its end `framePts` is empty if nothing decodes.
 */
export function* frameIndexSteps(stream: PacketStream): Steps<FrameIndex> {
  const byPackets = onePacketOneFrame(stream)
  /** The duration that all packets have; 0 if they differ. */
  let usualDuration: number | undefined
  if (byPackets) {
    const indexer = makePacketIndexer(stream)
    let trusted = true
    const isWhole = yield {
      read: "packets",
      onPacket: (packet) => {
        usualDuration = (usualDuration ?? packet.duration) === packet.duration ? packet.duration : 0
        trusted &&= !packet.isShown || indexer.add(packet)
        return trusted
      },
    }
    const index = trusted && isWhole ? indexer.finish() : undefined
    if (index !== undefined) {
      const first: Array<number | undefined> = []
      yield { read: "firstFrames", onFrame: (pts) => first.push(pts) }
      const isConfirmed =
        index.framePts.slice(0, CHECKED_FRAMES).join() === first.slice(0, CHECKED_FRAMES).join()
      if (isConfirmed) return index
    }
  }
  // Other codecs are always decoded: that says nothing of the file.
  const strict = yield* decodeWhole(byPackets ? "refuse" : "conceal")
  const isDamaged = byPackets && strict.damagedFrames.size + strict.damagedPackets.size > 0
  const { damagedFrames, frames } = isDamaged ? yield* decodeWhole("conceal") : strict
  const index = indexOf(stream, frames, yield* countInvented(stream, frames), usualDuration)
  if (!isDamaged) return index
  // What these show differs from decoder to decoder, and from one run to the next.
  const damagedPts = index.framePts.filter((pts) => damagedFrames.has(pts) || strict.damagedPackets.has(pts))
  return damagedPts.length === 0 ? index : { ...index, damagedPts }
}
