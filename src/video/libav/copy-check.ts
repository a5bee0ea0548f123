import { statSync } from "node:fs"
import type { KeyPacket } from "../../bitstream/key-packet.ts"
import type { WorkerIo } from "../../threads/serve.ts"
import { COMPARED_FRAMES, MOST_APART_SEC } from "../copied.ts"
import type { ClipCall, CutCall, StreamCall } from "../protocol.ts"
import { areSame, nextFrom } from "./alike.ts"
import { openInput, pickVideoStream } from "./input.ts"
import { type Decoded, Lost, Reader } from "./reader.ts"

/** The first video stream of a clip. */
const streamOf = (file: string): StreamCall => {
  using input = openInput(file)
  const { index, timeBase } = pickVideoStream(input)
  return {
    file,
    sizeBytes: statSync(file).size,
    streamIndex: index,
    timeBase: { num: timeBase.num, den: timeBase.den },
  }
}

/** Which frames are compared. */
interface Compared {
  readonly firstPts: number
  readonly endPts: number
  /** At most so many. */
  readonly most: number
}

/** The next frame in `[firstPts, endPts)`. Where times go back, frames that do not come after the one before have no place. */
const nextInside = (reader: Reader, { firstPts, endPts }: Compared, lastPts: number): Decoded | undefined => {
  const out = nextFrom(reader, Math.max(firstPts, lastPts + 1))
  return out === undefined || out.pts >= endPts ? undefined : out
}

/** Whether the clip gives the frames that the source gives from a key frame or, if it is absent, the start of the file on. */
const decodesAlike = (
  source: Reader,
  from: KeyPacket | undefined,
  call: CutCall,
  clip: StreamCall,
  compared: Compared,
  io: WorkerIo,
): boolean => {
  using copied = new Reader(clip, io)
  source.start(from)
  copied.start(undefined)
  const seconds = (ticks: number, { timeBase: { num, den } }: StreamCall) => (ticks * num) / den
  let last = Number.NEGATIVE_INFINITY
  for (let left = compared.most; left > 0; left--) {
    const wanted = nextInside(source, compared, last)
    const found = copied.next()
    if (wanted === undefined || found === undefined) return wanted === undefined && found === undefined
    const apart = seconds(wanted.pts - compared.firstPts, call) - seconds(found.pts, clip)
    if (Math.abs(apart) > MOST_APART_SEC || !areSame(wanted.frame, found.frame)) return false
    last = wanted.pts
  }
  return true
}

/**
 * Whether a copied clip decodes as the source does from its start: all of it where the packets do not tell which frames they
 * are or something is damaged, else its first frames.
 *
 * @param firstPts of its first frame, in the source
 */
export const holdsCopied = (call: CutCall, clip: ClipCall, firstPts: number, io: WorkerIo): boolean => {
  const { endPts, output } = clip
  const key = call.packetsTrusted ? call.keyframes.find(({ pts }) => pts === firstPts) : undefined
  const written = streamOf(output)
  using source = new Reader(call, io)
  const all: Compared = { firstPts, endPts, most: Number.POSITIVE_INFINITY }
  if (key === undefined) return decodesAlike(source, undefined, call, written, all, io)
  try {
    const begins = decodesAlike(source, key, call, written, { ...all, most: COMPARED_FRAMES }, io)
    // What is damaged may look otherwise where decoding began earlier.
    if (source.damage.length === 0) return begins
  } catch (error) {
    if (!(error instanceof Lost)) throw error
  }
  return decodesAlike(source, undefined, call, written, all, io)
}
