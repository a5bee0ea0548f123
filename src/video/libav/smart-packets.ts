import { AV_PKT_DATA_NEW_EXTRADATA, AV_PKT_FLAG_DISCARD, AVSEEK_FLAG_BACKWARD } from "node-av/constants"
import { avGetCodecName, type Packet, type Stream } from "node-av/lib"
import { joinAvc } from "../../bitstream/h264/joining.ts"
import { joinHevc } from "../../bitstream/hevc/joining.ts"
import { CannotJoin, type Joining } from "../../bitstream/joining.ts"
import type { KeyPacket } from "../../bitstream/key-packet.ts"
import { isNalCodec } from "../../bitstream/nal/codec.ts"
import { NotFollowed, sameBytes } from "../../bitstream/nal/units.ts"
import type { WorkerIo } from "../../threads/serve.ts"
import type { StreamCall } from "../protocol.ts"
import { VideoFailure } from "../VideoFailure.ts"
import { type Input, makePacket, openInput, shownAt, streamAt } from "./input.ts"

/** Packets that are read in search of a key frame the container should have led to. */
const MOST_SEARCHED = 2000

/** Reads one stream's packets from a key frame on. */
export class PacketReader implements Disposable {
  readonly #call: StreamCall
  readonly #io: WorkerIo
  readonly #input: Input
  readonly stream: Stream
  /** The packet that was read last. */
  readonly packet: Packet = makePacket()

  constructor(call: StreamCall, io: WorkerIo) {
    this.#call = call
    this.#io = io
    this.#input = openInput(call.file)
    this.stream = streamAt(this.#input, call.streamIndex)
  }

  /** Reads the packet of a key frame. Throws `CannotJoin` if the container does not lead there. */
  goTo(key: KeyPacket): void {
    if (this.#landsAt(key, key.pts) || this.#landsAt(key, key.dts)) return
    throw new CannotJoin("its container does not lead to its key frames")
  }

  #landsAt(key: KeyPacket, time: number): boolean {
    const { format } = this.#input
    if (format.seekFrameSync(this.#call.streamIndex, BigInt(time), AVSEEK_FLAG_BACKWARD) < 0) return false
    for (let searched = 0; searched < MOST_SEARCHED && this.next(); searched++)
      if (this.packet.isKeyframe && this.pts === key.pts) return true
    return false
  }

  /** Reads the stream's next packet; `false` at the end. */
  next(): boolean {
    while (this.#input.read(this.packet)) {
      this.#io.poll()
      if (this.packet.streamIndex === this.#call.streamIndex) return true
    }
    return false
  }

  /** PTS of the packet that was read last. */
  get pts(): number {
    const pts = shownAt(this.packet, this.stream.codecpar)
    if (pts === undefined) throw new CannotJoin("its packets have no timestamps")
    return pts
  }

  /** Bytes of the packet that was read last. */
  get data(): Uint8Array {
    const { data, flags } = this.packet
    const { extradata } = this.stream.codecpar
    const other = this.packet.getSideData(AV_PKT_DATA_NEW_EXTRADATA)
    if (other !== null) {
      if (extradata === null || !sameBytes(other, extradata))
        throw new CannotJoin("its parameter sets change on the way")
      // A muxer would take it for that of the whole clip.
      this.packet.freeSideData()
    }
    if ((flags & AV_PKT_FLAG_DISCARD) !== 0) throw new CannotJoin("its container hides some of its pictures")
    if (data === null) throw new CannotJoin("one of its packets is empty")
    return data
  }

  [Symbol.dispose](): void {
    this.packet.free()
    this.#input[Symbol.dispose]()
  }
}

/** How this stream's packets are joined. Throws `CannotJoin`. */
export const joiningOf = (stream: Stream): Joining => {
  const codec = avGetCodecName(stream.codecpar.codecId) ?? "unknown"
  const { extradata } = stream.codecpar
  if (!isNalCodec(codec)) throw new CannotJoin(`its codec is ${codec}, not H.264 or HEVC`)
  if (extradata === null) throw new CannotJoin("its parameter sets are not in the container's header")
  try {
    return codec === "h264" ? joinAvc(extradata) : joinHevc(extradata)
  } catch (error) {
    if (error instanceof RangeError) throw new CannotJoin("its parameter sets are damaged")
    throw error
  }
}

/** Turns what must not happen in a joined clip into the reason to re-encode it; other errors pass. */
export const reasonOf = (error: unknown): string => {
  if (error instanceof NotFollowed) return error.message
  if (error instanceof RangeError) return "one of its packets is damaged"
  if (error instanceof VideoFailure && error.reason === "BackendUnavailable") return error.message
  throw error
}
