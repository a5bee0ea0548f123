import { join } from "node:path"
import { AV_PKT_DATA_NEW_EXTRADATA } from "node-av/constants"
import { FormatContext, type Stream } from "node-av/lib"
import { type Input, makePacket, openInput, pickVideoStream } from "../../src/video/libav/input.ts"
import { runFolder } from "./folders.ts"
import { makeVideo, type VideoSpec } from "./media.ts"

const check = (code: number, what: string): void => {
  if (code < 0) throw new Error(`${what}: ${code}`)
}

/** Writes all packets of a file; those of a later one with its own codec header. */
const copyPackets = (
  output: FormatContext,
  stream: Stream,
  input: Input,
  offset: bigint,
  isLater: boolean,
) => {
  const { timeBase, codecpar } = pickVideoStream(input)
  using packet = makePacket()
  let isFirst = true
  while (input.read(packet)) {
    packet.pts += offset
    packet.dts += offset
    packet.rescaleTs(timeBase, stream.timeBase)
    packet.streamIndex = stream.index
    const { extradata } = codecpar
    if (isFirst && isLater && extradata !== null)
      packet.newSideData(AV_PKT_DATA_NEW_EXTRADATA, extradata.length).set(extradata)
    isFirst = false
    check(output.interleavedWriteFrameSync(packet), "writing")
  }
}

/**
 * Two videos of 48 frames each, one after the other in one MP4 track that describes its samples twice: each part has a codec
 * header of its own. The pictures are numbered on.
 */
export const makeJoinedVideo = async (spec: VideoSpec): Promise<string> => {
  const parts = [
    await makeVideo({ ...spec, frames: 48, x264: "bframes=2:qp=20" }),
    await makeVideo({ ...spec, frames: 48, x264: "bframes=2:qp=36", firstNumber: 48 }),
  ]
  const inputs = parts.map((file) => openInput(file))
  const path = join(runFolder(), "joined.mp4")
  const output = new FormatContext()
  check(output.allocOutputContext2(null, null, `file:${path}`), "choosing a container")
  check(output.openOutputSync(), "opening the file")
  const stream = output.newStream()
  for (const [i, input] of inputs.entries()) {
    const source = pickVideoStream(input)
    if (i === 0) {
      check(source.codecpar.copy(stream.codecpar), "describing the stream")
      stream.codecpar.codecTag = 0
      stream.timeBase = source.timeBase
      stream.avgFrameRate = source.avgFrameRate
      check(output.writeHeaderSync(), "writing the header")
    }
    const { num, den } = source.timeBase
    copyPackets(output, stream, input, BigInt(Math.round((2 * i * den) / num)), i > 0)
    input[Symbol.dispose]()
  }
  check(output.writeTrailerSync(), "finishing the file")
  output.closeOutputSync()
  output.freeContext()
  return path
}
