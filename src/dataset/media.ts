import { constants } from "node:fs"
import { open } from "node:fs/promises"
import { Effect } from "effect"
import type { PlainDigest } from "../files/plain.ts"
import { unreadable } from "./DatasetError.ts"
import { sizeLimit } from "./DatasetStore.ts"
import { keepBeside } from "./ledger.ts"
import { localPath, readDigest } from "./store.ts"

/** What a media file of the dataset is. */
export type MediaKind = "JPEG picture" | "MP4 clip"

/** Whether a file begins, and a picture also ends, as one of its kind does. */
export const hasSignature = ({ first, last }: PlainDigest, kind: MediaKind): boolean =>
  kind === "JPEG picture"
    ? first[0] === 0xff && first[1] === 0xd8 && last.at(-2) === 0xff && last.at(-1) === 0xd9
    : first.subarray(4, 8).toString("latin1") === "ftyp"

/** Boxes on the top level of a clip: a few, in any clip that was ever made. */
const mostBoxes = 64

/** Whether the boxes of an MP4 file fill it to its end (ISO/IEC 14496-12, 4.2): one that was cut off ends within a box. */
const endsWithBox = async (path: string): Promise<boolean> => {
  await using handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  const { size } = await handle.stat()
  const head = Buffer.alloc(16)
  let at = 0
  for (let boxes = 0; at < size && boxes < mostBoxes; boxes++) {
    const { bytesRead } = await handle.read(head, 0, head.length, at)
    if (bytesRead < 8) return false
    const short = head.readUInt32BE(0)
    const length = short === 1 && bytesRead === 16 ? Number(head.readBigUInt64BE(8)) : short
    if (length === 0) return true
    if (length < 8) return false
    at += length
  }
  return at === size
}

/**
 * Keeps a picture or clip that is about to be replaced, if somebody has put it there: it is whole, and neither what a record
 * says nor what takes its place. Damage is not kept.
 *
 * @param recorded its digest on record; null where a record lists all of its kind, and not this one
 */
export const keepIfForeign = Effect.fn("Media.keepIfForeign")(function* (
  path: string,
  kind: MediaKind,
  recorded: string | null,
  wanted: string,
) {
  const found = yield* readDigest(path, kind === "JPEG picture" ? sizeLimit.picture : sizeLimit.clip)
  if (found === undefined || found.sha256 === recorded || found.sha256 === wanted) return
  if (!hasSignature(found, kind)) return
  const isWhole =
    kind === "JPEG picture" ||
    (yield* Effect.scoped(
      Effect.flatMap(localPath(path), (file) =>
        Effect.tryPromise({ try: () => endsWithBox(file), catch: unreadable(file) }),
      ),
    ))
  if (isWhole) yield* keepBeside(path)
})
