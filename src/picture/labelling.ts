import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs"
import { sha256 } from "../plan/fingerprint.ts"
import { PictureError } from "./jpeg.ts"
import { labelJpeg } from "./overlay.ts"
import { isBanded } from "./picture-size.ts"

/** Pictures to draw labels on. The labelled copies go into one new file, one after the other. */
export interface LabelCall {
  readonly pictures: ReadonlyArray<{
    /** A JPEG; it is not touched. */
    readonly path: string
    readonly label: string
  }>
  /** Their width and height in pixels. */
  readonly size: readonly [number, number]
  /** JPEG quality of the copies, 1 to 100. */
  readonly quality: number
  /** Must not exist. */
  readonly output: string
}

/** Where a labelled copy is in the file, in bytes, and its digest. */
export interface LabelledPicture {
  readonly offset: number
  readonly bytes: number
  readonly sha256: string
}

const unwritable = (path: string, cause: unknown) =>
  new PictureError(
    `cannot write ${path}: ${cause instanceof Error ? cause.message : String(cause)}; make room there, or set TMPDIR to another folder`,
    { cause },
  )

const attempt = <A>(work: () => A, failure: (cause: unknown) => PictureError): A => {
  try {
    return work()
  } catch (cause) {
    throw failure(cause)
  }
}

/**
 * Draws labels one picture at a time, for a thread of its own: files are read and written without giving way. Rejects with
 * `PictureError`; `poll` is called before each picture and may throw.
 */
export const drawLabels = async (
  { pictures, quality, output, size: [width, height] }: LabelCall,
  poll: () => void,
): Promise<ReadonlyArray<LabelledPicture>> => {
  const failedWrite = (cause: unknown) => unwritable(output, cause)
  const file = attempt(() => openSync(output, "wx", 0o600), failedWrite)
  try {
    const done: Array<LabelledPicture> = []
    let offset = 0
    for (const { path, label } of pictures) {
      poll()
      const unreadable = (cause: unknown) => new PictureError(`the picture ${path} cannot be read`, { cause })
      const jpeg = attempt(() => readFileSync(path), unreadable)
      const drawn = await labelJpeg(jpeg, label, quality).catch((cause: unknown) => {
        throw new PictureError(`${path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
          cause,
        })
      })
      attempt(() => writeFileSync(file, drawn), failedWrite)
      done.push({ offset, bytes: drawn.length, sha256: sha256(drawn) })
      offset += drawn.length
      if (isBanded(width, height)) Bun.gc(true)
    }
    return done
  } finally {
    closeSync(file)
  }
}
