import { pipeline, Readable, type Transform } from "node:stream"
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from "node:zlib"
import { AnswerTooLarge } from "../protocols/unusable.ts"

/** An answer is encoded in a way that was not asked for and is not known here. */
export class UnknownEncoding extends Error {}

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
}

/** Bytes after which other work gets its turn: a body that is always there would let nothing else run. */
const turnBytes = 64 * 1024

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** The bytes of a body, decompressed while they are read: what a few kilobytes unpack to is never held as a whole. */
const bytesOf = (response: Response): AsyncIterable<Uint8Array> => {
  const body = response.body
  if (body === null) return Readable.from([])
  const encoding = (response.headers.get("content-encoding") ?? "").trim().toLowerCase()
  if (encoding === "" || encoding === "identity") return body
  const decoder = decoders[encoding]
  if (decoder === undefined) throw new UnknownEncoding(`the answer is encoded as ${encoding.slice(0, 40)}`)
  // Errors of either end come out of the decoder, which is the one that is read.
  return pipeline(Readable.from(body), decoder(), () => undefined)
}

/** Bytes in slices that are worked through in one go. */
function* slicesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += turnBytes) yield bytes.subarray(at, at + turnBytes)
}

/**
 * The text of a body as it arrives. Bytes that are not UTF-8 become U+FFFD.
 *
 * @param heard is called for every piece that arrives, with its bytes
 * @throws {AnswerTooLarge} once more than `maxBytes` have arrived, after decompression; those are given before
 * @throws {UnknownEncoding}
 */
export async function* textOf(
  response: Response,
  maxBytes: number,
  heard: (bytes: number) => void,
): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let room = maxBytes
  let turn = 0
  for await (const bytes of bytesOf(response)) {
    heard(bytes.length)
    for (const slice of slicesOf(bytes.subarray(0, room))) {
      yield decoder.decode(slice, { stream: true })
      turn += slice.length
      if (turn < turnBytes) continue
      turn = 0
      await nextTurn()
    }
    room -= bytes.length
    if (room < 0) throw new AnswerTooLarge(`the answer is longer than ${Math.round(maxBytes / 2 ** 20)} MiB`)
  }
  yield decoder.decode()
}

/** The beginning of an error's body, of `maxBytes` at most. Never fails: what has arrived is what there is. */
export const beginningOf = async (
  response: Response,
  maxBytes: number,
  heard: (bytes: number) => void,
): Promise<string> => {
  const pieces: Array<string> = []
  try {
    for await (const piece of textOf(response, maxBytes, heard)) pieces.push(piece)
  } catch {
    // Too long, cut off, or not to be decoded: the status says what matters.
  }
  return pieces.join("")
}
