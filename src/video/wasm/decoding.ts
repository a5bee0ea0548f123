import type { KeyPacket } from "../../bitstream/key-packet.ts"
import type { Rational } from "../../bitstream/rational.ts"
import { release } from "../../picture/release.ts"
import { MP4_FAMILY } from "../containers.ts"
import type { Excerpt } from "../ffprobe/excerpt.ts"
import { type PictureForm, readTimes, tileCount } from "../ffprobe/filters.ts"
import type { MediaInfo } from "../ffprobe/media-info.ts"
import { isKeyPacket, type ListedPacket, makePacketReader } from "../ffprobe/packet-list.ts"
import { type CoreInput, pictureArguments, timesArguments } from "./arguments.ts"
import { type Media, textOf } from "./media.ts"

/**
 * What the program `ffmpeg` goes back by when it jumps in a container that is searched by decoding time and holds a
 * stream with frames out of order, in seconds.
 *
 * Source: FFmpeg 5.1, `fftools/ffmpeg_opt.c`, `open_input_file`
 */
const BACKWARDS_SEC = 3 / 23

/** A decoded picture, or a tile of one: BGRA, square pixels, not yet upright. */
export interface RawPicture {
  readonly pts: number
  /** Which tile, counted from 0. */
  readonly tile: number
  readonly pixels: Uint8Array
}

/** Takes a picture out of its memory before it returns. */
type Take = (wantedPts: number, picture: RawPicture) => Promise<void>

export interface Attempt {
  /** Where decoding starts; `undefined` for the start of the file. */
  readonly from: KeyPacket | undefined
  /** PTS, increasing. */
  readonly wanted: ReadonlyArray<number>
  /** Whether pictures are taken although something before them was damaged. */
  readonly toleratesDamage: boolean
  /** What is read instead of the file, from its start. */
  readonly excerpt: Excerpt | undefined
}

/** Decodes parts of one stream, one run of the core for each. */
export interface Decoding {
  /** Gives the wanted pictures in order, until one does not come out; how many it gave. */
  readonly exact: (attempt: Attempt, take: Take) => Promise<number>
  /** As `exact`, and then, for what is left, the nearest frame that comes out (the earlier one on a tie); for how many it did. */
  readonly nearest: (
    from: KeyPacket | undefined,
    wanted: ReadonlyArray<number>,
    take: Take,
  ) => Promise<number>
  /** Frames that were decoded so far. */
  readonly decoded: () => number
}

/** For each wanted PTS the nearest of `there`, the earlier one on a tie. Both increase. */
const nearestOf = (wanted: ReadonlyArray<number>, there: ReadonlyArray<number>): ReadonlyArray<number> =>
  wanted.map((pts) =>
    there.reduce(
      (best, other) => (Math.abs(other - pts) < Math.abs(best - pts) ? other : best),
      there[0] ?? pts,
    ),
  )

/** Name of an excerpt in the core. */
const EXCERPT = "excerpt.mp4"
const FROM_EXCERPT: CoreInput = {
  name: EXCERPT,
  streamIndex: 0,
  seekSeconds: undefined,
  saysAll: true,
}

/** What of a stream that is decoded has to be known. */
export interface DecodedStream {
  readonly index: number
  readonly timeBase: Rational
  /** As in `VideoSource`. */
  readonly untimedFrames?: number | undefined
}

export const makeDecoding = (
  media: Media,
  info: MediaInfo,
  stream: DecodedStream,
  form: PictureForm,
): Decoding => {
  const { num, den } = stream.timeBase
  const goesBack = info.container !== MP4_FAMILY && info.streams.some((one) => one.has_b_frames > 0)
  let decoded = 0

  const inputFrom = (pts: number | undefined): CoreInput => ({
    name: media.name,
    streamIndex: stream.index,
    seekSeconds: pts === undefined ? undefined : (pts * num) / den + (goesBack ? BACKWARDS_SEC : 0),
    saysAll: false,
    untimedFrames: pts === undefined ? stream.untimedFrames : undefined,
  })

  /** Containers search by presentation or by decoding time; the wrong one may lead past the key frame. */
  const seekTargets = (from: KeyPacket | undefined): ReadonlyArray<number | undefined> =>
    from === undefined ? [undefined] : from.dts === from.pts ? [from.pts] : [from.pts, from.dts]

  /** One run that starts at `jump`: what it gave, or `lost` if the jump did not get to the key frame. */
  const pictures = async (
    { from, wanted, toleratesDamage, excerpt }: Attempt,
    jump: number | undefined,
    take: Take,
  ): Promise<number | "lost"> => {
    const source =
      excerpt === undefined
        ? { input: inputFrom(jump), asked: wanted }
        : { input: FROM_EXCERPT, asked: wanted.map(excerpt.timeOf) }
    const [times, seen] = [textOf("times"), textOf("decoded")]
    const due: Array<number> = []
    let done = 0
    /** Of the picture that comes: tiles that were taken, and its time. */
    let tiles = 0
    let time: number | undefined
    let isAtKeyPacket = from === undefined || excerpt !== undefined
    let lost = false
    const result = await media.run(
      "ffmpeg",
      pictureArguments(source.input, source.asked, form),
      async (record, { lines, stop }) => {
        if (record.name.startsWith("firstPacketAfterSeek.")) {
          const found: Array<ListedPacket> = []
          makePacketReader((packet) => found.push(packet))(record.bytes)
          const packet = found[0]
          if (packet === undefined) return
          const pts = packet.pts ?? packet.dts ?? Number.POSITIVE_INFINITY
          isAtKeyPacket = isKeyPacket(packet) && pts <= (from?.pts ?? 0)
          lost = !isAtKeyPacket
          if (lost) stop()
        }
        times.take(record)
        seen.take(record)
        for (const time of readTimes(times.lines())) due.push(excerpt?.ptsOf(time) ?? time)
        decoded += readTimes(seen.lines()).length
        if (!record.name.startsWith("pictures.") || lost) return
        if (tiles === 0) time = due.shift()
        const [pts, expected] = [time, wanted[done]]
        const damaged = !toleratesDamage && lines > 0
        if (pts === undefined || pts !== expected || !isAtKeyPacket || damaged) {
          stop()
          return
        }
        const taken = take(pts, { pts, tile: tiles, pixels: record.bytes })
        release(record.bytes)
        await taken
        tiles = (tiles + 1) % tileCount(form)
        if (tiles === 0) done++
      },
      excerpt === undefined ? undefined : { access: "compose", name: EXCERPT, fd: media.fd, ...excerpt.file },
    )
    return lost || (!isAtKeyPacket && done === 0 && result.exitCode !== 0) ? "lost" : done
  }

  const exact: Decoding["exact"] = async (attempt, take) => {
    for (const jump of attempt.excerpt === undefined ? seekTargets(attempt.from) : [undefined]) {
      const done = await pictures(attempt, jump, take)
      if (done !== "lost") return done
    }
    return 0
  }

  /** PTS of what comes out from `from` on, up to the first frame at or after `lastPts`. */
  const timesFrom = async (jump: number | undefined, lastPts: number): Promise<ReadonlyArray<number>> => {
    const text = textOf("times")
    const found: Array<number> = []
    await media.run("ffmpeg", timesArguments(inputFrom(jump), undefined), (record, { stop }) => {
      text.take(record)
      for (const pts of readTimes(text.lines()))
        if (pts > (found.at(-1) ?? Number.NEGATIVE_INFINITY)) found.push(pts)
      if ((found.at(-1) ?? Number.NEGATIVE_INFINITY) >= lastPts) stop()
    })
    decoded += found.length
    return found
  }

  /** For how many of these, of which the first does not come out, it gave the nearest that does. */
  const substitutes = async (from: KeyPacket | undefined, wanted: ReadonlyArray<number>, take: Take) => {
    const there = await timesFrom(seekTargets(from)[0], wanted.at(-1) ?? 0)
    if (there.length === 0) return 0
    const chosen = nearestOf(wanted, there)
    const answers = new Map<number, Array<number>>()
    for (const [i, pts] of chosen.entries()) answers.set(pts, [...(answers.get(pts) ?? []), wanted[i] ?? pts])
    const attempt: Attempt = { from, wanted: [...answers.keys()], toleratesDamage: true, excerpt: undefined }
    const done = await exact(attempt, async (pts, picture) => {
      await Promise.all((answers.get(pts) ?? []).map((wantedPts) => take(wantedPts, picture)))
    })
    return attempt.wanted.slice(0, done).reduce((sum, pts) => sum + (answers.get(pts)?.length ?? 0), 0)
  }

  const nearest: Decoding["nearest"] = async (from, wanted, take) => {
    const done = await exact({ from, wanted, toleratesDamage: true, excerpt: undefined }, take)
    return done === wanted.length ? done : done + (await substitutes(from, wanted.slice(done), take))
  }

  return { exact, nearest, decoded: () => decoded }
}
