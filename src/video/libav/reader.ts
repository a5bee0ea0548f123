import { AVSEEK_FLAG_BACKWARD } from "node-av/constants"
import type { Frame } from "node-av/lib"
import type { KeyPacket } from "../../bitstream/key-packet.ts"
import { isNalCodec } from "../../bitstream/nal/codec.ts"
import type { WorkerIo } from "../../threads/serve.ts"
import type { StreamCall } from "../protocol.ts"
import { requireSameSize } from "../replaced.ts"
import {
  type FrameDecoder,
  type Input,
  makeFrameClock,
  makePacket,
  openDecoder,
  openInput,
  packetPts,
  streamAt,
} from "./input.ts"
import { orientationOf } from "./orientation.ts"
import { ReadAhead } from "./read-ahead.ts"

/** A jump did not get to its key frame: the container cannot seek, or its index lies. */
export class SeekMissed extends Error {}

/** A frame that came out of the decoder, valid until the next one is asked for. */
export interface Decoded {
  readonly frame: Frame
  readonly pts: number
}

interface Opened extends Disposable {
  readonly input: Input
  readonly decoder: FrameDecoder
}

const open = (call: StreamCall): Opened => {
  const input = openInput(call.file, call)
  try {
    requireSameSize(call, input.sizeBytes)
    const decoder = openDecoder(input, streamAt(input, call.streamIndex))
    return {
      input,
      decoder,
      [Symbol.dispose]: () => {
        decoder[Symbol.dispose]()
        input[Symbol.dispose]()
      },
    }
  } catch (error) {
    input[Symbol.dispose]()
    throw error
  }
}

/** Reads one stream forwards from a key frame, or from the start of the file. */
export class Reader implements Disposable {
  readonly #call: StreamCall
  readonly #io: WorkerIo
  readonly #packet = makePacket()
  #opened: Opened
  #clock: ReturnType<typeof makeFrameClock>
  #frames: Generator<Frame, void> | undefined
  #drained = false
  /** Whether the next packet has already been read. */
  #readAhead = false
  #fresh = true
  #skipping = false
  #ahead: ReadAhead | undefined
  #lastPacketPts = Number.NEGATIVE_INFINITY
  #startPts = Number.NEGATIVE_INFINITY
  /** PTS of the only pictures that must come out; of others those that nothing refers to are passed over. */
  #onlyWanted: ReadonlySet<number> | undefined
  /** Those of which the decoder has not been given the packet yet. */
  #missing: Set<number> | undefined
  /** Frames that the decoder gave. */
  decoded = 0
  /** PTS of the packets that the decoder found damaged since the last start, leading pictures aside. */
  damage: Array<number> = []

  constructor(call: StreamCall, io: WorkerIo) {
    this.#call = call
    this.#io = io
    this.#clock = this.#makeClock()
    this.#opened = open(call)
  }

  /** Frames without a time have none only where others have one. */
  #makeClock(): ReturnType<typeof makeFrameClock> {
    return makeFrameClock(this.#call.untimedFrames === undefined ? 0 : undefined)
  }

  /** The stream's rotation, for the pictures. */
  get orientation() {
    return orientationOf(streamAt(this.#opened.input, this.#call.streamIndex))
  }

  /**
   * Goes to a key frame, or to the start of the file. Throws `SeekMissed` if the container does not get there.
   *
   * @param onlyWanted leave out, where the codec allows it, what is neither wanted nor referred to
   */
  start(from: KeyPacket | undefined, onlyWanted?: ReadonlySet<number>): void {
    this.#frames = undefined
    this.#ahead?.[Symbol.dispose]()
    this.#ahead = undefined
    this.#clock = this.#makeClock()
    this.damage = []
    this.#startPts = from?.pts ?? Number.NEGATIVE_INFINITY
    if (!this.#fresh && from === undefined) {
      this.#opened[Symbol.dispose]()
      this.#opened = open(this.#call)
      this.#skipping = false
    } else if (!this.#fresh) this.#opened.decoder.flush()
    const { decoder } = this.#opened
    decoder.onDamage = () => {
      if (this.#lastPacketPts >= this.#startPts) this.damage.push(this.#lastPacketPts)
    }
    this.#missing = onlyWanted === undefined ? undefined : new Set(onlyWanted)
    // Decoders of others do not pass over unreferenced pictures without any effect on the rest.
    this.#onlyWanted = isNalCodec(decoder.codec) ? onlyWanted : undefined
    this.#skipUnreferenced(false)
    this.#drained = false
    this.#readAhead = false
    this.#fresh = false
    this.#land(from)
    const { extradata } = streamAt(this.#opened.input, this.#call.streamIndex).codecpar
    if (decoder.codec !== "h264" || onlyWanted === undefined || extradata === null) return
    this.#ahead = new ReadAhead(extradata, this.#packet, () => this.#readOn(), onlyWanted)
  }

  #land(from: KeyPacket | undefined): void {
    if (from === undefined) return
    // Containers search by presentation or by decoding time; the wrong one may lead past the key frame.
    this.#readAhead = this.#landsAt(from, from.pts) || this.#landsAt(from, from.dts)
    if (!this.#readAhead) throw new SeekMissed()
  }

  /** Jumps and reads the first packet there; `false` if it is no key frame or one after `key`. */
  #landsAt(key: KeyPacket, time: number): boolean {
    const { streamIndex } = this.#call
    const { format, read } = this.#opened.input
    if (format.seekFrameSync(streamIndex, BigInt(time), AVSEEK_FLAG_BACKWARD) < 0) return false
    while (read(this.#packet)) {
      this.#io.poll()
      if (this.#packet.streamIndex === streamIndex)
        return this.#packet.isKeyframe && packetPts(this.#packet) <= key.pts
    }
    return false
  }

  /**
   * The next frame that comes out and has a time; `undefined` at the end. Once the packets of all wanted frames went in, the decoder is
   * drained instead of fed, and only `start` leads on from there.
   */
  next(): Decoded | undefined {
    for (;;) {
      const step = this.#frames?.next()
      if (step !== undefined && step.done !== true) {
        this.decoded++
        const pts = this.#clock(step.value)
        if (pts === undefined) continue
        return { frame: step.value, pts }
      }
      if (this.#drained) return undefined
      this.#io.poll()
      this.#frames = this.#missing?.size === 0 ? this.#drain() : this.#feed()
    }
  }

  #drain(): Generator<Frame, void> {
    this.#drained = true
    return this.#opened.decoder.push(undefined)
  }

  #feed(): Generator<Frame, void> | undefined {
    const { decoder } = this.#opened
    const ready = this.#ahead === undefined ? this.#readOn() : this.#ahead.next()
    if (this.#ahead?.isLost === true) this.damage.push(this.#lastPacketPts)
    if (!ready) return this.#drain()
    this.#lastPacketPts = packetPts(this.#packet)
    this.#missing?.delete(this.#lastPacketPts)
    if (this.#onlyWanted !== undefined) this.#skipUnreferenced(!this.#onlyWanted.has(this.#lastPacketPts))
    return decoder.push(this.#packet)
  }

  /** Reads the stream's next packet; `false` at the end. */
  #readOn(): boolean {
    const { input } = this.#opened
    if (this.#readAhead) {
      this.#readAhead = false
      return true
    }
    while (input.read(this.#packet)) {
      this.#io.poll()
      if (this.#packet.streamIndex === this.#call.streamIndex) return true
    }
    return false
  }

  /** Takes effect from the next packet on, because the decoder runs on one thread. */
  #skipUnreferenced(skip: boolean): void {
    if (skip === this.#skipping) return
    this.#skipping = skip
    this.#opened.decoder.context.setOption("skip_frame", skip ? "noref" : "default")
  }

  [Symbol.dispose](): void {
    this.#ahead?.[Symbol.dispose]()
    this.#packet.free()
    this.#opened[Symbol.dispose]()
  }
}
