import { AV_CODEC_FLAG_GLOBAL_HEADER, AV_SAMPLE_FMT_FLTP, FF_ENCODER_AAC } from "node-av/constants"
import {
  avChannelLayoutDefault,
  avChannelLayoutDescribe,
  avGetSampleFmtName,
  Codec,
  CodecContext,
  Filter,
  type FilterContext,
  FilterGraph,
  Frame,
  type Packet,
  Rational,
  type Stream,
} from "node-av/lib"
import type { WorkerIo } from "../../threads/serve.ts"
import type { ClipCall } from "../protocol.ts"
import { VideoFailure } from "../VideoFailure.ts"
import { libavText, makePacket, openDecoder, openInput, pickAudioStream, streamAt, ticks } from "./input.ts"
import type { Mp4 } from "./mp4.ts"
import { seekBefore } from "./seek.ts"

/** Bits per second and channel. */
const BIT_RATE_PER_CHANNEL = 96_000n
const SAMPLES_PER_FRAME = 1024

/** The clip's sound: decoded, cut to the sample, encoded as AAC. */
export interface AudioTrack extends Disposable {
  /** Reads and writes all of it; to be called once the file's header is written. */
  readonly write: (io: WorkerIo) => void
}

const clipSeconds = (call: ClipCall): readonly [number, number] => {
  const seconds = (pts: number) => (pts * call.timeBase.num) / call.timeBase.den
  return [seconds(call.framePts[0] ?? call.startPts), seconds(call.endPts)]
}

interface Trimmer extends Disposable {
  readonly push: (frame: Frame | null) => void
  readonly pull: (frame: Frame) => boolean
}

/** A filter graph that keeps `[start, end)` seconds, moves it to 0 and deals it out in frames the encoder takes. */
const makeTrimmer = (call: ClipCall, stream: Stream, encoder: CodecContext): Trimmer => {
  const graph = new FilterGraph()
  graph.alloc()
  const add = (name: string, args: string | null): FilterContext => {
    const filter = Filter.getByName(name)
    const context = filter === null ? null : graph.createFilter(filter, name, args)
    if (context === null)
      throw new VideoFailure("CutFailed", `${call.file}: libav's filter ${name} does not start`)
    return context
  }
  const { codecpar, timeBase } = stream
  const rate = codecpar.sampleRate
  const layout = avChannelLayoutDescribe(codecpar.channelLayout) ?? "stereo"
  const sampleFormat =
    avGetSampleFmtName(codecpar.format as Parameters<typeof avGetSampleFmtName>[0]) ?? "fltp"
  const [start, end] = clipSeconds(call)
  const startSample = Math.round(start * encoder.sampleRate)
  const endSample = Math.round(end * encoder.sampleRate)
  const outLayout = avChannelLayoutDescribe(encoder.channelLayout) ?? "stereo"
  const chain = [
    add(
      "abuffer",
      `time_base=${timeBase.num}/${timeBase.den}:sample_rate=${rate}:sample_fmt=${sampleFormat}:channel_layout=${layout}`,
    ),
    add("aresample", `${encoder.sampleRate}`),
    add("aformat", `sample_fmts=fltp:sample_rates=${encoder.sampleRate}:channel_layouts=${outLayout}`),
    add("atrim", `start_pts=${startSample}:end_pts=${endSample}`),
    add("asetpts", `PTS-${startSample}`),
    add("asetnsamples", `n=${SAMPLES_PER_FRAME}:p=0`),
    add("abuffersink", null),
  ]
  chain.forEach((filter, i) => {
    const next = chain[i + 1]
    if (next !== undefined) filter.link(0, next, 0)
  })
  const configured = graph.configSync()
  const [source, sink] = [chain[0], chain.at(-1)]
  if (configured < 0 || source === undefined || sink === undefined)
    throw new VideoFailure("CutFailed", `${call.file}: its audio cannot be cut: ${libavText(configured)}`)
  return {
    push: (frame) => void source.buffersrcAddFrameSync(frame),
    pull: (frame) => sink.buffersinkGetFrameSync(frame) >= 0,
    [Symbol.dispose]: () => graph.free(),
  }
}

const openEncoder = (call: ClipCall, stream: Stream): CodecContext => {
  const codec = Codec.findEncoderByName(FF_ENCODER_AAC)
  if (codec === null) throw new VideoFailure("CutFailed", "This build of libav has no AAC encoder")
  const { sampleRate, channels } = stream.codecpar
  const rates = codec.supportedSamplerates ?? []
  const kept = Math.min(channels, 2)
  const context = new CodecContext()
  context.allocContext3(codec)
  context.sampleFormat = AV_SAMPLE_FMT_FLTP
  context.sampleRate = rates.length === 0 || rates.includes(sampleRate) ? sampleRate : 48_000
  context.channelLayout = avChannelLayoutDefault(kept)
  context.bitRate = BIT_RATE_PER_CHANNEL * BigInt(kept)
  context.timeBase = new Rational(1, context.sampleRate)
  context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER)
  context.setOption("flags", "+bitexact")
  const opened = context.open2Sync(codec)
  if (opened < 0)
    throw new VideoFailure("CutFailed", `${call.file}: its audio cannot be encoded: ${libavText(opened)}`)
  return context
}

/** Adds the best audio stream's track to a clip whose header is not written yet; `undefined` if there is no sound. */
export const addAudioTrack = (call: ClipCall, mp4: Mp4): AudioTrack | undefined => {
  const input = openInput(call.file)
  const source = pickAudioStream(input)
  if (source === undefined || source.codecpar.channels < 1 || source.codecpar.sampleRate < 1) {
    input[Symbol.dispose]()
    return undefined
  }
  const decoder = openDecoder(input, source)
  const encoder = openEncoder(call, source)
  const trimmer = makeTrimmer(call, source, encoder)
  const timeBase = { num: 1, den: encoder.sampleRate }
  const target = mp4.addStream()
  target.codecpar.fromContext(encoder)
  target.timeBase = encoder.timeBase
  const frame = new Frame()
  frame.alloc()
  const packet = makePacket()
  const encoded = makePacket()
  const [, end] = clipSeconds(call)

  const encode = (next: Frame | null) => {
    encoder.sendFrameSync(next)
    while (encoder.receivePacketSync(encoded) >= 0) {
      mp4.write(encoded, target, timeBase)
      encoded.unref()
    }
  }
  const take = (input: Packet | undefined) => {
    for (const decoded of decoder.push(input)) {
      decoded.pts = decoded.bestEffortTimestamp
      trimmer.push(decoded)
    }
    if (input === undefined) trimmer.push(null)
    while (trimmer.pull(frame)) {
      encode(frame)
      frame.unref()
    }
  }
  const isPast = () => {
    const at = ticks(packet.pts)
    return at !== undefined && (at * source.timeBase.num) / source.timeBase.den >= end
  }
  return {
    write: (io) => {
      seekBefore(input, streamAt(input, call.streamIndex), call)
      while (input.read(packet)) {
        io.poll()
        if (packet.streamIndex !== source.index) continue
        if (isPast()) break
        take(packet)
      }
      take(undefined)
      encode(null)
    },
    [Symbol.dispose]: () => {
      encoded.free()
      packet.free()
      frame.free()
      trimmer[Symbol.dispose]()
      encoder.freeContext()
      decoder[Symbol.dispose]()
      input[Symbol.dispose]()
    },
  }
}
