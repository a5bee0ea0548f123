import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs"

/** Bytes from a file's start that tell what it is. */
const HEAD_BYTES = 64

/** What to do with streams that are read only in a container. */
const REMUX = "put it into a container, as with ffmpeg -i FILE -c copy FILE.mkv"
/** What libav says of a format that it may not open, and now and then of damage. */
const NOT_ALLOWED = "Invalid argument"
const UNREAD = `it is damaged, or in a format that is not read here; if it plays elsewhere, ${REMUX}`

/** What files that are taken for videos begin with, as Latin-1, from which byte on, and what to say of them. */
const KINDS: ReadonlyArray<readonly [start: string, at: number, words: string]> = [
  ["\x89PNG\r\n", 0, "it is a PNG picture"],
  ["WEBP", 8, "it is a WebP picture"],
  ["BM", 0, "it is a BMP picture"],
  ["II*\0", 0, "it is a TIFF picture"],
  ["MM\0*", 0, "it is a TIFF picture"],
  ["ftyphei", 4, "it is a HEIF picture"],
  ["ftypmif1", 4, "it is a HEIF picture"],
  ["%PDF-", 0, "it is a PDF document"],
  ["PK\x03\x04", 0, "it is a ZIP archive"],
  ["\x1f\x8b", 0, "it is a gzip archive"],
  ["BBCD\0", 0, `it is a raw Dirac stream; ${REMUX}`],
  ["#EXTM3U", 0, "it is a list of other files; give those"],
  ["ffconcat version", 0, "it is a list of other files; give those"],
]

const isText = (bytes: Uint8Array): boolean =>
  bytes.every((byte) => (byte >= 0x20 && byte < 0x7f) || byte === 0x0a || byte === 0x0d || byte === 0x09)

/** A WebP says in its first chunk whether it is animated: in the second bit of the flags. */
const isAnimatedWebp = (head: string): boolean =>
  head.startsWith("WEBPVP8X", 8) && ((head.charCodeAt(20) >> 1) & 1) === 1

/** A picture's start code is 22 bits long; those of MPEG have 24. Source: ITU-T H.263, 5.1.1 */
const isH263 = (bytes: Uint8Array): boolean =>
  bytes[0] === 0 && bytes[1] === 0 && ((bytes[2] ?? 0) & 0xfc) === 0x80

/** Bytes in which a second picture of a stream of JPEG begins. */
const PICTURE_BYTES = 2 ** 24
const JPEG = "\xff\xd8\xff"
/** The end of a picture and the beginning of another; after a preview within one something else follows. */
const NEXT_JPEG = `\xff\xd9${JPEG}`

const startOf = (file: string, count: number): Buffer => {
  const bytes = Buffer.alloc(Math.min(count, statSync(file).size))
  const fd = openSync(file, "r")
  try {
    return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, 0))
  } finally {
    closeSync(fd)
  }
}

const kindOf = (file: string): string | undefined => {
  // It was there when libav looked at it; should it be gone since, what libav said is left.
  if (!existsSync(file)) return undefined
  const bytes = startOf(file, HEAD_BYTES)
  const head = bytes.toString("latin1")
  if (isAnimatedWebp(head)) return "it is an animated WebP; make an MP4 of it"
  if (head.startsWith(JPEG))
    return startOf(file, PICTURE_BYTES).includes(NEXT_JPEG, 0, "latin1")
      ? "it is a raw stream of JPEG pictures; put it into a container, as with ffmpeg -f mjpeg -i FILE -c copy FILE.mkv"
      : "it is a JPEG picture"
  if (isH263(bytes)) return `it is a raw H.263 stream; ${REMUX}`
  const kind = KINDS.find(([start, at]) => head.startsWith(start, at))?.[2]
  return kind ?? (isText(bytes) ? "it holds text" : undefined)
}

/**
 * Why a file that no container fits is not read: what it is instead, as far as its first bytes tell, else what libav says.
 *
 * @param file a plain file that can be opened
 */
export const notAVideo = (file: string, libavSays: string): string =>
  `${file} is not a video that can be read: ${kindOf(file) ?? (libavSays === NOT_ALLOWED ? UNREAD : libavSays)}`
