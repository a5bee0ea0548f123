import type { Frame, Stream } from "node-av/lib"
import type { ClipCall } from "../../protocol.ts"
import type { WorkerIo } from "../../serve.ts"
import { TooCoarse } from "../../smart/joining.ts"
import { type AudioTrack, addAudioTrack } from "./audio.ts"
import { type Fidelity, type FrameEncoder, makeFrameEncoder } from "./encoder.ts"
import { type Mp4, openMp4 } from "./mp4.ts"
import { describeVideo } from "./orientation.ts"
import type { FrameRun } from "./sweep.ts"

/** Clip durations by clip PTS: each frame lasts until the next, the last until `endPts`. */
export const clipDurations = ({ endPts, framePts }: ClipCall): ReadonlyMap<number, number> => {
  const first = framePts[0] ?? 0
  return new Map(framePts.map((pts, i) => [pts - first, (framePts[i + 1] ?? endPts) - pts] as const))
}

/** A clip whose frames are all re-encoded as H.264; written when its first frame comes. */
export class FullClip implements FrameRun, Disposable {
  readonly #call: ClipCall
  readonly #source: Stream
  readonly #io: WorkerIo
  readonly #fidelity: Fidelity
  readonly #onDone: () => void
  #mp4: Mp4 | undefined
  #sound: AudioTrack | undefined
  #encoder: FrameEncoder | undefined
  /** A picture differed too much from the source's: the clip has to be made anew. */
  isTooCoarse = false

  /** @param source described by its container; its file may be read by others */
  constructor(call: ClipCall, source: Stream, io: WorkerIo, fidelity: Fidelity, onDone: () => void) {
    this.#call = call
    this.#source = source
    this.#io = io
    this.#fidelity = fidelity
    this.#onDone = onDone
  }

  get framePts(): ReadonlyArray<number> {
    return this.#call.framePts
  }

  add(frame: Frame, pts: number): void {
    this.#unlessTooCoarse(() => {
      this.#encoder ??= this.#begin(frame)
      frame.pts = BigInt(pts - (this.#call.framePts[0] ?? 0))
      this.#encoder.push(frame)
    })
  }

  #unlessTooCoarse(work: () => void): void {
    if (this.isTooCoarse) return
    try {
      work()
    } catch (error) {
      if (!(error instanceof TooCoarse)) throw error
      this.isTooCoarse = true
      this[Symbol.dispose]()
    }
  }

  #begin(first: Frame): FrameEncoder {
    const call = this.#call
    const mp4 = openMp4(call.output, call.timeBase)
    this.#mp4 = mp4
    const durations = clipDurations(call)
    let target: Stream | undefined
    const encoder = makeFrameEncoder(call, {
      source: this.#source,
      first,
      fidelity: this.#fidelity,
      reorders: new Set(durations.values()).size === 1,
      onPacket: (packet) => {
        packet.duration = BigInt(durations.get(Number(packet.pts)) ?? 1)
        if (target !== undefined) mp4.write(packet, target, call.timeBase)
      },
    })
    this.#encoder = encoder
    target = mp4.addStream()
    target.codecpar.fromContext(encoder.context)
    target.timeBase = encoder.context.timeBase
    target.sampleAspectRatio = encoder.context.sampleAspectRatio
    describeVideo(this.#source, target)
    this.#sound = call.keepAudio ? addAudioTrack(call, mp4) : undefined
    mp4.start(`${call.file}: MP4 refuses the clip`)
    this.#sound?.write(this.#io)
    return encoder
  }

  end(): void {
    this.#unlessTooCoarse(() => {
      this.#encoder?.finish()
      this.#io.poll()
      this.#mp4?.finish()
      this[Symbol.dispose]()
      this.#onDone()
    })
  }

  [Symbol.dispose](): void {
    this.#encoder?.[Symbol.dispose]()
    this.#sound?.[Symbol.dispose]()
    this.#mp4?.[Symbol.dispose]()
    this.#encoder = this.#sound = this.#mp4 = undefined
  }
}
