import type { Frame, Packet, Stream } from "node-av/lib"
import { TooCoarse } from "../../bitstream/joining.ts"
import type { WorkerIo } from "../../threads/serve.ts"
import type { ClipCall } from "../protocol.ts"
import { mayReorder } from "../timescale.ts"
import { VideoFailure } from "../VideoFailure.ts"
import { type AudioTrack, addAudioTrack } from "./audio.ts"
import { ClipTrack, clipTimescale } from "./clip-track.ts"
import type { FrameRun } from "./decode-runs.ts"
import { type Fidelity, type FrameEncoder, makeFrameEncoder } from "./encoder.ts"
import { type Mp4, openMp4 } from "./mp4.ts"
import { describeVideo, orientationOf } from "./orientation.ts"
import { makeRotator, type Rotator } from "./rotator.ts"

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
  #track: ClipTrack | undefined
  #rotator: Rotator | undefined
  #pushed = 0
  /** A picture differed too much from the source's: the clip has to be made anew. */
  isTooCoarse = false

  /**
   * @param call its `output` is a name that nothing else writes to
   * @param source described by its container; its file may be read by others
   * @param onDone the file is whole and closed
   */
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

  add(frame: Frame): void {
    this.#unlessTooCoarse(() => {
      const shown = this.#rotated(frame)
      this.#encoder ??= this.#begin(shown)
      this.#encoder.push(shown, this.#pushed++)
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

  #rotated(frame: Frame): Frame {
    if (this.#call.autorotate !== true) return frame
    this.#rotator ??= makeRotator(this.#call.file, frame, orientationOf(this.#source))
    return this.#rotator.rotate(frame)
  }

  #begin(first: Frame): FrameEncoder {
    const call = this.#call
    const timescale = clipTimescale(call)
    const mp4 = openMp4(call.output, timescale)
    this.#mp4 = mp4
    const encoder = makeFrameEncoder(call, {
      source: this.#source,
      first,
      fidelity: this.#fidelity,
      reorders: mayReorder(call, timescale),
      onPacket: (packet) => this.#write(packet, mp4, target),
    })
    this.#encoder = encoder
    const target = mp4.addStream()
    target.codecpar.fromContext(encoder.context)
    target.timeBase = encoder.context.timeBase
    target.sampleAspectRatio = encoder.context.sampleAspectRatio
    if (this.#rotator === undefined) describeVideo(this.#source, target)
    this.#sound = call.keepAudio ? addAudioTrack(call, mp4) : undefined
    mp4.start(`${call.file}: MP4 refuses the clip`)
    this.#sound?.write(this.#io)
    return encoder
  }

  /** @param packet its times are places among the clip's frames; the first one's DTS says how far frames are put off */
  #write(packet: Packet, mp4: Mp4, target: Stream): void {
    const pts = this.#call.framePts[Number(packet.pts)]
    if (pts === undefined) throw new Error(`the encoder gave a frame ${packet.pts} that it did not get`)
    this.#track ??= new ClipTrack(this.#call, mp4, target, Number(-packet.dts))
    this.#track.write(packet, pts)
  }

  end(): void {
    this.#unlessTooCoarse(() => {
      const { file, framePts } = this.#call
      this.#encoder?.finish()
      this.#io.poll()
      if (this.#track?.written !== framePts.length)
        throw new VideoFailure(
          "CutFailed",
          `${file}: ${this.#track?.written ?? 0} of a clip's ${framePts.length} frames were encoded`,
        )
      this.#mp4?.finish()
      this[Symbol.dispose]()
      this.#onDone()
    })
  }

  [Symbol.dispose](): void {
    this.#encoder?.[Symbol.dispose]()
    this.#sound?.[Symbol.dispose]()
    this.#mp4?.[Symbol.dispose]()
    this.#rotator?.[Symbol.dispose]()
    this.#encoder = this.#sound = this.#mp4 = this.#track = this.#rotator = undefined
  }
}
