import { open } from "node:fs/promises"
import type { ModelImage, ModelRequest } from "../VisionModel.ts"

/** A picture changed or vanished while its request was being sent. */
export class PictureReadError extends Error {}

/**
 * A request body that is made while it is sent. `length` is exact, in bytes; every `stream()` starts anew. It may hold a file
 * open between two pieces, so whoever takes it returns it: fetch leaves it as it is where the connection fails.
 */
export interface LazyBody {
  readonly length: number
  readonly stream: () => AsyncGenerator<Uint8Array>
}

/**
 * Bytes of a picture read at a time: a multiple of three, so that Base64 pieces join without padding, and few, so that many
 * requests at once leave little behind for the garbage collector.
 */
const sliceBytes = 12 * 1024

const base64Length = (bytes: number): number => 4 * Math.ceil(bytes / 3)

async function* base64Of({ path, offset, bytes }: ModelImage): AsyncGenerator<Uint8Array> {
  const unreadable = (cause: unknown) => {
    throw new PictureReadError(`the picture ${path} cannot be read: ${String(cause)}`)
  }
  const file = await open(path, "r").catch(unreadable)
  try {
    const slice = Buffer.allocUnsafeSlow(Math.min(sliceBytes, bytes))
    for (let read = 0; read < bytes; ) {
      const wanted = Math.min(slice.length, bytes - read)
      const { bytesRead } = await file.read(slice, 0, wanted, (offset ?? 0) + read).catch(unreadable)
      if (bytesRead < wanted)
        throw new PictureReadError(`the picture ${path} changed while it was being sent`)
      read += bytesRead
      yield Buffer.from(slice.toString("base64", 0, bytesRead), "latin1")
    }
    if (offset === undefined && (await file.stat().catch(unreadable)).size !== bytes)
      throw new PictureReadError(`the picture ${path} changed while it was being sent`)
  } finally {
    await file.close()
  }
}

/** Joins small pieces: every one that is sent has a price, whatever its size. */
async function* joined(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let waiting: Array<Uint8Array> = []
  let bytes = 0
  for await (const piece of pieces) {
    waiting.push(piece)
    bytes += piece.length
    if (bytes < sliceBytes) continue
    yield Buffer.concat(waiting)
    waiting = []
    bytes = 0
  }
  if (bytes > 0) yield Buffer.concat(waiting)
}

/** Stands for the Base64 of a picture, by its index, in a value that becomes JSON. */
export type Slot = (index: number) => string

/**
 * The parts of the user message that begins a conversation: the prompt, then each picture after its label.
 *
 * @param text makes a part of a text
 * @param picture makes a part of the slot of a picture
 */
export const userParts = <T, P>(
  { images, prompt }: Pick<ModelRequest, "images" | "prompt">,
  slot: Slot,
  text: (text: string) => T,
  picture: (data: string) => P,
): Array<T | P> => [
  text(prompt),
  ...images.flatMap(({ label }, i) => [...(label === undefined ? [] : [text(label)]), picture(slot(i))]),
]

/** Parts of a message, the last of which has the given fields as well. */
export const withLast = <T extends object, M extends object>(
  parts: ReadonlyArray<T>,
  fields: M | undefined,
): ReadonlyArray<T & Partial<M>> => {
  const last = parts.at(-1)
  return fields === undefined || last === undefined ? parts : [...parts.slice(0, -1), { ...last, ...fields }]
}

/**
 * A body of JSON with pictures in it, of which only the text is held.
 *
 * @param contentOf gives what the body says, with slots in the places of the pictures: at the start, in the middle or at the end
 *   of any of its strings
 */
export const lazyJson = (
  images: ReadonlyArray<ModelImage>,
  contentOf: (slot: Slot) => Readonly<Record<string, unknown>>,
): LazyBody => {
  // No text can hold this by chance or on purpose. It stands on both sides of a picture's index.
  const nonce = crypto.randomUUID()
  const text = JSON.stringify(contentOf((index) => `${nonce}${index}${nonce}`))
  const pieces = text
    .split(nonce)
    .map((piece, i) => (i % 2 === 0 ? Buffer.from(piece) : images[Number(piece)]))
  const length = pieces.reduce(
    (sum, piece) =>
      sum + (piece === undefined ? 0 : Buffer.isBuffer(piece) ? piece.length : base64Length(piece.bytes)),
    0,
  )
  async function* parts(): AsyncGenerator<Uint8Array> {
    for (const piece of pieces) {
      if (piece === undefined) continue
      if (Buffer.isBuffer(piece)) yield piece
      else yield* base64Of(piece)
    }
  }
  const stream = () => joined(parts())
  return { length, stream }
}
