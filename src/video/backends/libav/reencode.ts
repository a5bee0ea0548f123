import type { Frame, Packet, Stream } from "node-av/lib"
import type { CutCall, CutReply } from "../../protocol.ts"
import { WorkerFailure, type WorkerIo } from "../../serve.ts"
import { type AudioTrack, makeAudioTrack } from "./audio.ts"
import { makeVideoTrack, type VideoTrack } from "./encoder.ts"
import { type Input, makeFrameClock, makePacket, openDecoder, openInput, streamAt } from "./input.ts"
import { type Mp4, openMp4 } from "./mp4.ts"
import { seekBefore } from "./seek.ts"

/** Clip durations by clip PTS: each frame lasts until the next, the last until `endPts`. */
const clipDurations = (call: CutCall): ReadonlyMap<number, number> => {
  const first = call.framePts[0] ?? 0
  return new Map(
    call.framePts.map((pts, i) => [pts - first, (call.framePts[i + 1] ?? call.endPts) - pts] as const),
  )
}

/** The tracks of a clip; the file's header is written when its first picture is known. */
class Clip implements Disposable {
  readonly #call: CutCall
  readonly #source: Stream
  readonly #mp4: Mp4
  readonly #durations: ReadonlyMap<number, number>
  readonly audio: AudioTrack | undefined
  #video: VideoTrack | undefined
  frames = 0

  constructor(call: CutCall, input: Input) {
    this.#call = call
    this.#source = streamAt(input, call.streamIndex)
    this.#durations = clipDurations(call)
    this.#mp4 = openMp4(call.output, call.timeBase)
    this.audio = call.keepAudio ? makeAudioTrack(call, input, this.#mp4) : undefined
  }

  /** Adds the next frame. */
  add(frame: Frame, pts: number): void {
    const first = this.#call.framePts[0] ?? 0
    if (this.#video === undefined) {
      const steady = new Set(this.#durations.values()).size === 1
      this.#video = makeVideoTrack(
        this.#call,
        this.#source,
        frame,
        this.#mp4,
        steady,
        (clipPts) => this.#durations.get(clipPts) ?? 1,
      )
      this.audio?.attach()
      this.#mp4.start(`${this.#call.file}: MP4 refuses the clip`)
      this.audio?.started()
    }
    frame.pts = BigInt(pts - first)
    this.#video.push(frame)
    this.frames++
  }

  finish(): void {
    this.#video?.finish()
    this.audio?.finish()
    this.#mp4.finish()
  }

  [Symbol.dispose](): void {
    this.#video?.[Symbol.dispose]()
    this.audio?.[Symbol.dispose]()
    this.#mp4[Symbol.dispose]()
  }
}

/** One attempt. `false` if the frames that came out are not the wanted ones. */
const attempt = (call: CutCall, io: WorkerIo, seek: boolean): boolean => {
  using input = openInput(call.file)
  const stream = streamAt(input, call.streamIndex)
  using decoder = openDecoder(input, stream)
  using clip = new Clip(call, input)
  using packet = makePacket()
  if (seek) seekBefore(input, stream, call.startPts, call.seekSlopSec)
  const clock = makeFrameClock()
  let videoDone = false
  const take = (frame: Frame): boolean => {
    const pts = clock(frame)
    if (pts < call.startPts) return true
    if (pts >= call.endPts) {
      videoDone = true
      return true
    }
    if (pts !== call.framePts[clip.frames]) return false
    clip.add(frame, pts)
    videoDone = clip.frames === call.framePts.length
    return true
  }
  const feed = (next: Packet | undefined): boolean => {
    for (const frame of decoder.push(next)) {
      if (videoDone) return true
      if (!take(frame)) return false
    }
    return true
  }
  while (!(videoDone && (clip.audio === undefined || clip.audio.complete)) && input.read(packet)) {
    io.poll()
    if (packet.streamIndex === stream.index) {
      if (!videoDone && !feed(packet)) return false
    } else if (packet.streamIndex === clip.audio?.streamIndex) clip.audio.push(packet)
  }
  if (!videoDone && !feed(undefined)) return false
  if (clip.frames !== call.framePts.length) return false
  io.poll()
  clip.finish()
  return true
}

/** Exactly the frames `call.framePts`, as H.264, the first at 0. */
export const reencode = (call: CutCall, io: WorkerIo): CutReply => {
  if (attempt(call, io, true) || attempt(call, io, false))
    return { firstPts: call.framePts[0] ?? call.startPts }
  throw new WorkerFailure(
    "CutFailed",
    `${call.file}: not every frame from PTS ${call.startPts} to ${call.endPts} decodes; the file is damaged there`,
  )
}
