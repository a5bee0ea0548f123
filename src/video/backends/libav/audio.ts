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
import type { CutCall } from "../../protocol.ts"
import { WorkerFailure } from "../../serve.ts"
import { type Input, libavText, makePacket, openDecoder, pickAudioStream, ticks } from "./input.ts"
import type { Mp4 } from "./mp4.ts"

/** Bits per second and channel. */
const BIT_RATE_PER_CHANNEL = 96_000n
const SAMPLES_PER_FRAME = 1024

/** The clip's sound: decoded, cut to the sample, encoded as AAC. */
export interface AudioTrack extends Disposable {
  readonly streamIndex: number
  /** Whether everything up to the end of the clip has arrived. */
  readonly complete: boolean
  readonly push: (packet: Packet) => void
  /** Adds the track to the file; to be called before its header is written. */
  readonly attach: () => void
  /** To be called when the header is written. */
  readonly started: () => void
  readonly finish: () => void
}

const clipSeconds = (call: CutCall): readonly [number, number] => {
  const seconds = (pts: number) => (pts * call.timeBase.num) / call.timeBase.den
  return [seconds(call.framePts[0] ?? call.startPts), seconds(call.endPts)]
}

interface Trimmer extends Disposable {
  readonly push: (frame: Frame | null) => void
  readonly pull: (frame: Frame) => boolean
}

/** A filter graph that keeps `[start, end)` seconds, moves it to 0 and deals it out in frames the encoder takes. */
const makeTrimmer = (call: CutCall, stream: Stream, encoder: CodecContext): Trimmer => {
  const graph = new FilterGraph()
  graph.alloc()
  const add = (name: string, args: string | null): FilterContext => {
    const filter = Filter.getByName(name)
    const context = filter === null ? null : graph.createFilter(filter, name, args)
    if (context === null)
      throw new WorkerFailure("CutFailed", `${call.file}: libav's filter ${name} does not start`)
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
    throw new WorkerFailure("CutFailed", `${call.file}: its sound cannot be cut: ${libavText(configured)}`)
  return {
    push: (frame) => void source.buffersrcAddFrameSync(frame),
    pull: (frame) => sink.buffersinkGetFrameSync(frame) >= 0,
    [Symbol.dispose]: () => graph.free(),
  }
}

const openEncoder = (call: CutCall, stream: Stream): CodecContext => {
  const codec = Codec.findEncoderByName(FF_ENCODER_AAC)
  if (codec === null) throw new WorkerFailure("CutFailed", "This build of libav has no AAC encoder")
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
    throw new WorkerFailure("CutFailed", `${call.file}: its sound cannot be encoded: ${libavText(opened)}`)
  return context
}

/** The best audio stream's track in the clip; `undefined` if there is no sound. */
export const makeAudioTrack = (call: CutCall, input: Input, mp4: Mp4): AudioTrack | undefined => {
  const source = pickAudioStream(input)
  if (source === undefined || source.codecpar.channels < 1 || source.codecpar.sampleRate < 1) return undefined
  const decoder = openDecoder(input, source)
  const encoder = openEncoder(call, source)
  const trimmer = makeTrimmer(call, source, encoder)
  const timeBase = { num: 1, den: encoder.sampleRate }
  let target: Stream | undefined
  const frame = new Frame()
  frame.alloc()
  const packet = makePacket()
  /** Encoded packets from before the file's header could be written. */
  const waiting: Array<Packet> = []
  const [, end] = clipSeconds(call)
  let complete = false
  let begun = false

  const write = () => {
    if (target !== undefined && begun) mp4.write(packet, target, timeBase)
    else {
      const copy = packet.clone()
      if (copy !== null) waiting.push(copy)
    }
    packet.unref()
  }
  const encode = (next: Frame | null) => {
    encoder.sendFrameSync(next)
    while (encoder.receivePacketSync(packet) >= 0) write()
  }
  const drain = () => {
    while (trimmer.pull(frame)) {
      encode(frame)
      frame.unref()
    }
  }
  return {
    streamIndex: source.index,
    get complete() {
      return complete
    },
    push: (input) => {
      const at = ticks(input.pts)
      if (at !== undefined && (at * source.timeBase.num) / source.timeBase.den >= end) complete = true
      if (complete) return
      for (const decoded of decoder.push(input)) {
        decoded.pts = decoded.bestEffortTimestamp
        trimmer.push(decoded)
        drain()
      }
    },
    attach: () => {
      target = mp4.addStream()
      target.codecpar.fromContext(encoder)
      target.timeBase = encoder.timeBase
    },
    started: () => {
      begun = true
      for (const early of waiting.splice(0)) {
        if (target !== undefined) mp4.write(early, target, timeBase)
        early.free()
      }
    },
    finish: () => {
      for (const decoded of decoder.push(undefined)) {
        decoded.pts = decoded.bestEffortTimestamp
        trimmer.push(decoded)
      }
      trimmer.push(null)
      drain()
      encode(null)
    },
    [Symbol.dispose]: () => {
      for (const early of waiting) early.free()
      packet.free()
      frame.free()
      trimmer[Symbol.dispose]()
      encoder.freeContext()
      decoder[Symbol.dispose]()
    },
  }
}
