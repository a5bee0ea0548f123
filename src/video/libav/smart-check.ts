import { CannotJoin } from "../../bitstream/joining.ts"
import type { KeyPacket } from "../../bitstream/key-packet.ts"
import type { WorkerIo } from "../../threads/serve.ts"
import { COPIED_OTHERWISE } from "../copied.ts"
import type { ClipCall, StreamCall } from "../protocol.ts"
import { areSame, nextFrom } from "./alike.ts"
import { makePacket, openInput, ticks, writtenStream } from "./input.ts"
import { Reader, SeekMissed } from "./reader.ts"

interface Written {
  readonly stream: StreamCall
  /** In order of decoding. */
  readonly packets: ReadonlyArray<KeyPacket & { readonly isKeyframe: boolean }>
}

const readBack = ({ output }: ClipCall, io: WorkerIo): Written => {
  using input = openInput(output)
  const stream = writtenStream(input)
  using packet = makePacket()
  const packets: Array<KeyPacket & { readonly isKeyframe: boolean }> = []
  while (input.read(packet)) {
    io.poll()
    if (packet.streamIndex !== stream.streamIndex) continue
    const { isKeyframe } = packet
    packets.push({ pts: ticks(packet.pts) ?? Number.NaN, dts: ticks(packet.dts) ?? Number.NaN, isKeyframe })
  }
  return { stream, packets }
}

/** Whether the first `count` frames from two key frames on are the same pictures. */
const decodeAlike = (
  [source, from]: readonly [StreamCall, KeyPacket],
  [clip, begin]: readonly [StreamCall, KeyPacket],
  count: number,
  io: WorkerIo,
): boolean => {
  using reader = new Reader(source, io)
  using other = new Reader(clip, io)
  reader.start(from)
  other.start(begin)
  for (let left = count; left > 0; left--) {
    const wanted = nextFrom(reader, from.pts)
    const found = nextFrom(other, begin.pts)
    if (wanted === undefined || found === undefined || !areSame(wanted.frame, found.frame)) return false
  }
  return true
}

/**
 * Reads a joined clip back. Throws `CannotJoin` unless it has a packet for every frame, at its time and in order, begins at 0,
 * and the first frames that are copied decode as they do in the source.
 *
 * @param from where copying began
 * @param decoded so many frames from there on are decoded
 */
export const checkJoined = (call: ClipCall, from: KeyPacket, decoded: number, io: WorkerIo): void => {
  const { packets, stream } = readBack(call, io)
  const [first = 0] = call.framePts
  const { num, den } = stream.timeBase
  const ticksOf = (pts: number) => ((pts - first) * call.timeBase.num * den) / (call.timeBase.den * num)
  const shown = packets.map(({ pts }) => pts).sort((a, b) => a - b)
  const isOrdered = packets.every(({ dts }, i) => i === 0 || dts > (packets[i - 1]?.dts ?? dts))
  const isPlanned =
    shown.length === call.framePts.length && call.framePts.every((pts, i) => shown[i] === ticksOf(pts))
  if (!isOrdered || !isPlanned || packets[0]?.isKeyframe !== true)
    throw new CannotJoin("its joined packets would not be the wanted frames")
  const begin = packets.find(({ pts }) => pts === ticksOf(from.pts))
  try {
    if (begin?.isKeyframe === true && decodeAlike([call, from], [stream, begin], decoded, io)) return
  } catch (error) {
    if (!(error instanceof SeekMissed)) throw error
  }
  throw new CannotJoin(COPIED_OTHERWISE)
}
