import { createReadStream } from "node:fs"
import { basename } from "node:path"
import { BatchDamaged, diskFault } from "./disk.ts"

/**
 * The bytes of a file that is submitted, as long as it has the length that was told of it before.
 *
 * @throws {ModelError} where it cannot be read, or has changed: that is no fault of the network
 */
export async function* inputBytes(path: string, bytes: number): AsyncGenerator<Buffer> {
  let read = 0
  try {
    const pieces: AsyncIterable<Buffer> = createReadStream(path)
    for await (const piece of pieces) {
      read += piece.length
      if (read > bytes) break
      yield piece
    }
  } catch (cause) {
    throw diskFault(cause, path)
  }
  if (read !== bytes)
    throw diskFault(new BatchDamaged(`${basename(path)} changed while it was submitted`), path)
}
