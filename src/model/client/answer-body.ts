import { AnswerTooLarge } from "../protocols/unusable.ts"
import { decodedBody } from "./content-encoding.ts"

/** Bytes after which other work gets its turn: a body that is always there would let nothing else run. */
const turnBytes = 64 * 1024

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

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
  for await (const bytes of decodedBody(response, maxBytes)) {
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

/** So many bytes of an error's body are read. */
export const longestError = 256 << 10

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
