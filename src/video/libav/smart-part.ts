import { AV_FRAME_FLAG_INTERLACED } from "node-av/constants"
import type { Frame, Stream } from "node-av/lib"
import { CannotJoin, interlacedReason, type PartSettings } from "../../bitstream/joining.ts"
import type { ClipCall } from "../protocol.ts"
import type { FrameRun } from "./decode-runs.ts"
import { type Fidelity, type FrameEncoder, makeFrameEncoder } from "./encoder.ts"

/** A re-encoded packet. */
export interface EncodedPacket {
  /** Of the source. */
  readonly pts: number
  readonly isKeyframe: boolean
  /** NAL units with start codes. */
  readonly data: Uint8Array
}

/** The frames before or after those that are copied, encoded to stand beside these. */
export class EncodedPart implements FrameRun, Disposable {
  readonly #call: ClipCall
  readonly #source: Stream
  readonly #part: PartSettings
  readonly #fidelity: Fidelity
  #encoder: FrameEncoder | undefined
  #pushed = 0
  readonly framePts: ReadonlyArray<number>
  readonly packets: Array<EncodedPacket> = []
  /** The encoder's parameter sets with start codes. */
  sets: Uint8Array | undefined

  constructor(
    call: ClipCall,
    source: Stream,
    part: PartSettings,
    fidelity: Fidelity,
    framePts: ReadonlyArray<number>,
  ) {
    this.#call = call
    this.#source = source
    this.#part = part
    this.#fidelity = fidelity
    this.framePts = framePts
  }

  add(frame: Frame): void {
    this.#encoder ??= this.#begin(frame)
    this.#encoder.push(frame, this.#pushed++)
  }

  #begin(first: Frame): FrameEncoder {
    if ((first.flags & AV_FRAME_FLAG_INTERLACED) !== 0) throw new CannotJoin(interlacedReason)
    const encoder = makeFrameEncoder(this.#call, {
      source: this.#source,
      first,
      part: this.#part,
      fidelity: this.#fidelity,
      reorders: false,
      onPacket: ({ data, isKeyframe, pts }) => {
        const shown = this.framePts[Number(pts)]
        if (data === null || shown === undefined) throw new CannotJoin("the encoder gave an empty packet")
        this.packets.push({ data: Uint8Array.from(data), isKeyframe, pts: shown })
      },
    })
    const { extraData } = encoder.context
    this.sets = extraData === null ? undefined : Uint8Array.from(extraData)
    return encoder
  }

  end(): void {
    this.#encoder?.finish()
    this[Symbol.dispose]()
  }

  [Symbol.dispose](): void {
    this.#encoder?.[Symbol.dispose]()
    this.#encoder = undefined
  }
}
