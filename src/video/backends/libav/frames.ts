import { AVSEEK_FLAG_BACKWARD } from "node-av/constants"
import type { Frame, Packet } from "node-av/lib"
import type { FramesCall, Keyframe } from "../../protocol.ts"
import { WorkerFailure, type WorkerIo } from "../../serve.ts"
import { makeJpegWriter } from "./convert.ts"
import {
  type FrameDecoder,
  type Input,
  makeFrameClock,
  makePacket,
  openDecoder,
  openInput,
  streamAt,
  ticks,
} from "./input.ts"
import { orientationOf } from "./orientation.ts"

/** The last keyframe at or before `pts`. */
const keyframeFor = (keyframes: ReadonlyArray<Keyframe>, pts: number): Keyframe | undefined => {
  let low = 0
  let high = keyframes.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((keyframes[middle]?.pts ?? Number.POSITIVE_INFINITY) <= pts) low = middle + 1
    else high = middle
  }
  return keyframes[low - 1]
}

const packetPts = (packet: Packet): number =>
  ticks(packet.pts) ?? ticks(packet.dts) ?? Number.NEGATIVE_INFINITY

/** Codecs whose decoders pass over unreferenced pictures without any effect on the others. */
const PASSING_OVER = new Set(["h264", "hevc"])

/** Reads one stream forwards, jumping ahead over groups of pictures from which nothing is wanted. */
class Reader implements Disposable {
  readonly #input: Input
  readonly #decoder: FrameDecoder
  readonly #packet = makePacket()
  readonly clock = makeFrameClock()
  readonly #call: FramesCall
  readonly #io: WorkerIo
  #frames: Generator<Frame, void> | undefined
  #drained = false
  /** PTS of the last keyframe that went into the decoder. */
  #readKeyPts = Number.NEGATIVE_INFINITY
  /** Whether the next packet has already been read. */
  #readAhead = false
  /** PTS of pictures that must come out; of others those that nothing refers to are passed over. */
  readonly #wanted: ReadonlySet<number> | undefined
  #skipping = false

  /** @param jumps whether times in the packet headers can be relied on, so that parts may be left out */
  constructor(call: FramesCall, io: WorkerIo, jumps: boolean) {
    this.#call = call
    this.#io = io
    this.#input = openInput(call.file)
    this.#decoder = openDecoder(this.#input, streamAt(this.#input, call.streamIndex))
    if (jumps && PASSING_OVER.has(this.#decoder.codec)) this.#wanted = new Set(call.wantedPts)
  }

  /** The stream's rotation, for the pictures. */
  get orientation() {
    return orientationOf(streamAt(this.#input, this.#call.streamIndex))
  }

  /** Jumps to the keyframe before `pts`, if that skips anything. Throws `Lost` if the container does not get there. */
  skipTowards(pts: number): void {
    const key = keyframeFor(this.#call.keyframes, pts)
    if (key === undefined || key.pts <= this.#readKeyPts || this.#drained) return
    const started = this.#readKeyPts > Number.NEGATIVE_INFINITY
    if (!started && key === this.#call.keyframes[0]) return
    this.#frames = undefined
    this.#decoder.flush()
    // Containers search by presentation or by decoding time; the wrong one may lead past the keyframe.
    this.#readAhead = this.#landsAt(key, key.pts) || this.#landsAt(key, key.dts)
    if (!this.#readAhead) throw new Lost()
  }

  /** Jumps and reads the first packet there; `false` if it is no keyframe or one after `key`. */
  #landsAt(key: Keyframe, time: number): boolean {
    const { streamIndex } = this.#call
    if (this.#input.format.seekFrameSync(streamIndex, BigInt(time), AVSEEK_FLAG_BACKWARD) < 0) return false
    while (this.#input.read(this.#packet)) {
      this.#io.poll()
      if (this.#packet.streamIndex === streamIndex)
        return this.#packet.isKeyframe && packetPts(this.#packet) <= key.pts
    }
    return false
  }

  /** The next frame that comes out, valid until the next call; `undefined` at the end. */
  next(): Frame | undefined {
    for (;;) {
      const step = this.#frames?.next()
      if (step !== undefined && step.done !== true) return step.value
      if (this.#drained) return undefined
      this.#io.poll()
      this.#frames = this.#feed()
    }
  }

  #feed(): Generator<Frame, void> | undefined {
    const ready = this.#readAhead || this.#input.read(this.#packet)
    this.#readAhead = false
    if (!ready) {
      this.#drained = true
      return this.#decoder.push(undefined)
    }
    if (this.#packet.streamIndex !== this.#call.streamIndex) return undefined
    const pts = packetPts(this.#packet)
    if (this.#packet.isKeyframe) this.#readKeyPts = pts
    if (this.#wanted !== undefined) this.#skipUnreferenced(!this.#wanted.has(pts))
    return this.#decoder.push(this.#packet)
  }

  /** Takes effect from the next packet on, because the decoder runs on one thread. */
  #skipUnreferenced(skip: boolean): void {
    if (skip === this.#skipping) return
    this.#skipping = skip
    this.#decoder.context.setOption("skip_frame", skip ? "noref" : "default")
  }

  [Symbol.dispose](): void {
    this.#packet.free()
    this.#decoder[Symbol.dispose]()
    this.#input[Symbol.dispose]()
  }
}

/** A jump went past what was looked for. */
class Lost extends Error {}

/** Decodes until the frame with this PTS; `undefined` if it does not come out. */
const decodeTo = (reader: Reader, pts: number): Frame | undefined => {
  for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
    const at = reader.clock(frame)
    if (at === pts) return frame
    if (at > pts) return undefined
  }
  return undefined
}

/**
 * Sends the pictures with the wanted PTS, in order. Only the groups of pictures that hold one are decoded, each once. If
 * a jump turns out wrong, the rest is decoded from the start of the file; `DecodeFailed` if a frame is missing there too.
 */
export const frames = async (call: FramesCall, io: WorkerIo): Promise<{ readonly frames: number }> => {
  let sent = 0
  /** `false` if a wanted frame did not come out. */
  const pass = async (jump: boolean): Promise<boolean> => {
    using reader = new Reader(call, io, jump)
    using writer = makeJpegWriter(
      call.file,
      [call.displayWidth, call.displayHeight],
      reader.orientation,
      call.jpegQuality,
    )
    for (let pts = call.wantedPts[sent]; pts !== undefined; pts = call.wantedPts[sent]) {
      if (jump) reader.skipTowards(pts)
      const frame = decodeTo(reader, pts)
      if (frame === undefined) return false
      const jpeg = await writer.write(frame)
      io.emit({ pts, jpeg }, [jpeg.buffer])
      sent++
    }
    return true
  }
  const jumped = await pass(call.packetsTrusted && call.keyframes.length > 0).catch((error: unknown) => {
    if (error instanceof Lost) return false
    throw error
  })
  if (jumped || (await pass(false))) return { frames: sent }
  throw new WorkerFailure(
    "DecodeFailed",
    `${call.file}: the frame with PTS ${call.wantedPts[sent]} does not decode; the file is damaged there`,
  )
}
