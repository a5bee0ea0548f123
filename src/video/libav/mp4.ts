import { AVFMT_FLAG_BITEXACT } from "node-av/constants"
import { Dictionary, FormatContext, type Packet, type Stream } from "node-av/lib"
import type { Rational } from "../../bitstream/rational.ts"
import { VideoFailure } from "../VideoFailure.ts"
import { fileUrl, libavText } from "./input.ts"

/** An MP4 being written. */
export interface Mp4 extends Disposable {
  readonly addStream: () => Stream
  /** Writes the header, once all streams are described; `CutFailed` with `refusal` if MP4 cannot hold one of them. */
  readonly start: (refusal: string) => void
  /** Hands over a packet whose times are in `timeBase`. */
  readonly write: (packet: Packet, stream: Stream, timeBase: Rational) => void
  /** Writes the rest and closes the file. */
  readonly finish: () => void
}

/**
 * Opens an MP4 for writing. The same packets give the same bytes: no creation time, no library version. Edit lists are
 * written in the video's own ticks, so that no frame at the end is lost or added by rounding.
 *
 * @param timescale ticks per second of the movie and of the video track
 */
export const openMp4 = (output: string, timescale: number): Mp4 => {
  const format = new FormatContext()
  const failed = (what: string, code: number) =>
    new VideoFailure("CutFailed", `${output} cannot be ${what}: ${libavText(code)}`)
  const check = (what: string, code: number) => {
    if (code < 0) throw failed(what, code)
  }
  check("created", format.allocOutputContext2(null, "mp4", fileUrl(output)))
  format.setFlags(AVFMT_FLAG_BITEXACT)
  const opened = format.openOutputSync()
  if (opened < 0) {
    format.freeContext()
    throw failed("opened for writing", opened)
  }
  let open = true
  const close = () => {
    if (!open) return
    open = false
    format.closeOutputSync()
    format.freeContext()
  }
  return {
    addStream: () => format.newStream(),
    start: (refusal) => {
      using options = Dictionary.fromObject({
        movflags: "+faststart",
        video_track_timescale: timescale,
        movie_timescale: timescale,
        // Sound comes before the pictures it belongs to, however far.
        max_interleave_delta: "0",
      })
      const started = format.writeHeaderSync(options)
      if (started < 0) throw new VideoFailure("CutFailed", `${refusal} (${libavText(started)})`)
    },
    write: (packet, stream, timeBase) => {
      packet.rescaleTs(timeBase, stream.timeBase)
      packet.streamIndex = stream.index
      check("written", format.interleavedWriteFrameSync(packet))
    },
    finish: () => {
      check("finished", format.writeTrailerSync())
      close()
    },
    [Symbol.dispose]: close,
  }
}
