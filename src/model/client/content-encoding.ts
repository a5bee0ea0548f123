import { pipeline, Readable, type Transform } from "node:stream"
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from "node:zlib"
import { AnswerTooLarge } from "../protocols/unusable.ts"

/** An answer is encoded in a way that was not asked for and is not known here, or more often than anybody has a reason to. */
export class UnknownEncoding extends Error {}

type Bytes = AsyncIterable<Uint8Array>

/**
 * How answers begin that have been unpacked on the way and have kept their header: with an object, a list of them, or a line of an
 * event stream, maybe after a byte order mark or blanks. No packed answer of some length begins so by chance.
 */
const plainBeginning =
  /^(?:\u00ef\u00bb\u00bf)?(?:\{|[ \t\r\n]+\{[ \t\r\n"]|\[[ \t\r\n]*\{[ \t\r\n"]|data|even|retr|id:|:[ \r\n])/u

const isPlain = (head: Buffer): boolean => plainBeginning.test(head.toString("latin1"))

const isGzip = (head: Buffer): boolean => head[0] === 0x1f && head[1] === 0x8b
/** RFC 8878, 3.1.1; skippable frames (3.1.2) have a number of their own. */
const isZstd = (head: Buffer): boolean =>
  head.length >= 4 && (head.readUInt32LE() === 0xfd2fb528 || head.readUInt32LE() >>> 4 === 0x184d2a5)
/** RFC 1950, 2.2: method 8, and a multiple of 31. */
const isZlib = (head: Buffer): boolean =>
  head.length >= 2 && (head.readUInt8() & 0x0f) === 8 && head.readUInt16BE() % 31 === 0

type DecoderOf = (head: Buffer) => Transform | undefined

/**
 * What decodes a body that begins so; undefined if it is not encoded, whatever its header says. HTTP's `deflate` is zlib's format
 * (RFC 9110, 8.4.1.2), and some services send the bare one.
 */
const decoders: Readonly<Record<string, DecoderOf>> = {
  gzip: (head) => (isGzip(head) ? createGunzip() : undefined),
  deflate: (head) => (isZlib(head) ? createInflate() : isPlain(head) ? undefined : createInflateRaw()),
  br: (head) => (isPlain(head) ? undefined : createBrotliDecompress()),
  zstd: (head) => (isZstd(head) ? createZstdDecompress() : undefined),
}

/** Bytes that tell what a body is. */
const tellingBytes = 8

/** The beginning of a body, as far as it tells what it is: all of it if it is shorter. */
const headOf = async (pieces: AsyncIterator<Uint8Array>): Promise<Buffer> => {
  let head = Buffer.alloc(0)
  while (head.length < tellingBytes) {
    const next = await pieces.next()
    if (next.done === true) break
    head = Buffer.concat([head, next.value])
  }
  return head
}

async function* withHead(head: Buffer, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value
}

/** One encoding taken off. What comes out is bounded: a few kilobytes can unpack to anything, more so if packed twice. */
async function* decoded(packed: Bytes, decoderOf: DecoderOf, maxBytes: number): AsyncGenerator<Uint8Array> {
  const pieces = packed[Symbol.asyncIterator]()
  let room = maxBytes
  try {
    const head = await headOf(pieces)
    const decoder = decoderOf(head)
    const all = withHead(head, pieces)
    // Errors of either end come out of the decoder, which is the one that is read.
    const unpacked: Bytes =
      decoder === undefined ? all : pipeline(Readable.from(all), decoder, () => undefined)
    for await (const bytes of unpacked) {
      yield bytes
      room -= bytes.length
      if (room < 0)
        throw new AnswerTooLarge(`the answer is longer than ${Math.round(maxBytes / 2 ** 20)} MiB`)
    }
  } finally {
    // Not waited for: behind a read that is under way it would wait for the service. Whoever sent the request ends the connection.
    void pieces.return?.(undefined).catch(() => undefined)
  }
}

/** Nobody has a reason to encode an answer more often. */
const mostEncodings = 3

/** The encodings of a header, the last one first: that is the one to be taken off first. */
const encodingsIn = (header: string | null): ReadonlyArray<string> =>
  (header ?? "")
    .split(",")
    .map((word) => word.trim().toLowerCase().replace(/^x-/u, ""))
    .filter((word) => word !== "" && word !== "identity")
    .toReversed()

/**
 * The bytes of a body, decoded while they are read: what a few kilobytes unpack to is never held as a whole.
 *
 * @param maxBytes of what comes out of any of its encodings; a piece that goes beyond is given before it fails
 * @throws {AnswerTooLarge} while it is read
 * @throws {UnknownEncoding} while it is read, unless the body is plain all the same: some services put a character set, or `none`,
 *   into this header
 */
export const decodedBody = (response: Response, maxBytes: number): Bytes => {
  const { body } = response
  if (body === null) return Readable.from([])
  const header = response.headers.get("content-encoding")
  const encodings = encodingsIn(header)
  const refuse = () => {
    throw new UnknownEncoding(`the answer is encoded as ${(header ?? "").trim().slice(0, 40)}`)
  }
  if (encodings.length > mostEncodings) refuse()
  const unlessPlain: DecoderOf = (head) => (isPlain(head) ? undefined : refuse())
  return encodings.reduce<Bytes>(
    (packed, encoding) => decoded(packed, decoders[encoding] ?? unlessPlain, maxBytes),
    body,
  )
}
