import { CannotJoin, type Joining } from "../../bitstream/joining.ts"
import type { KeyPacket } from "../../bitstream/key-packet.ts"
import type { ClipCall } from "../protocol.ts"
import { keyframeIndex } from "../sampling.ts"
import type { PacketReader } from "./smart-packets.ts"
import { tailStart } from "./smart-tail.ts"

/** Which frames of a clip are copied, and which are re-encoded. Each list is PTS, increasing; the clip has them in order. */
export interface JoinPlan {
  /** Where copying begins. */
  readonly from: KeyPacket
  readonly head: ReadonlyArray<number>
  readonly copied: ReadonlyArray<number>
  readonly tail: ReadonlyArray<number>
  /** How many of the copied frames come before the next key frame. */
  readonly firstGroup: number
}

/** So many packets beyond the end say that no wanted one follows: codecs put off a picture by at most sixteen others. */
const PACKETS_BEYOND = 18

/** Where fewer than one in so many frames could be copied, all are re-encoded. */
const LEAST_SHARE = 4
/** The same where fewer than so many could be copied beside others: decoders know little of pictures in such small pieces. */
const LEAST_COPIED = 8

/** PTS of the packets from a key frame to beyond the end, in order of decoding. */
const packetsToEnd = (packets: PacketReader, from: KeyPacket, endPts: number): ReadonlyArray<number> => {
  packets.goTo(from)
  const order: Array<number> = []
  let beyond = 0
  do {
    order.push(packets.pts)
    beyond = packets.pts < endPts ? 0 : beyond + 1
  } while (beyond < PACKETS_BEYOND && packets.next())
  return order
}

const findTail = (
  packets: PacketReader,
  keyframes: ReadonlyArray<KeyPacket>,
  from: KeyPacket,
  endPts: number,
): number => {
  for (let i = keyframeIndex(keyframes, endPts - 1); i >= 0; i--) {
    const key = keyframes[i]
    if (key === undefined || key.pts < from.pts) break
    const order = packetsToEnd(packets, key, endPts)
    const start = tailStart(key === from ? order.filter((pts) => pts >= from.pts) : order, endPts)
    if (start !== undefined && start > from.pts) return start
  }
  throw new CannotJoin("its pictures come in no order in which copying could end")
}

/**
 * Finds where copying can begin and end. Throws `CannotJoin` where too little would be copied.
 *
 * @param key frames all that lie in the clip, and more
 */
export const planJoin = (
  call: ClipCall,
  keyframes: ReadonlyArray<KeyPacket>,
  joining: Joining,
  packets: PacketReader,
): JoinPlan => {
  const { endPts, framePts } = call
  const candidates = keyframes.filter(({ pts }) => pts >= (framePts[0] ?? 0) && pts < endPts)
  if (candidates.length === 0) throw new CannotJoin("no key frame lies in it")
  for (const from of candidates) {
    if (framePts.filter((pts) => pts >= from.pts).length * LEAST_SHARE < framePts.length) break
    packets.goTo(from)
    if (!joining.canBegin(packets.data)) continue
    const tailFrom = findTail(packets, candidates, from, endPts)
    const copied = framePts.filter((pts) => pts >= from.pts && pts < tailFrom)
    const next = candidates.find(({ pts }) => pts > from.pts)?.pts ?? endPts
    const plan = {
      from,
      head: framePts.filter((pts) => pts < from.pts),
      copied,
      tail: framePts.filter((pts) => pts >= tailFrom),
      firstGroup: copied.filter((pts) => pts < next).length,
    }
    const isWorthwhile =
      copied.length === framePts.length ||
      (copied.length >= LEAST_COPIED && copied.length * LEAST_SHARE >= framePts.length)
    if (!isWorthwhile) break
    return plan
  }
  throw new CannotJoin("too few of its frames lie between key frames, from where they could be copied")
}
