import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { crc32, deflateSync } from "node:zlib"
import { runFolder } from "./folders.ts"

const SIDE = 16
const FRAMES_PER_SECOND = 10

const integer = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

const chunk = (type: string, ...content: ReadonlyArray<Uint8Array>): Buffer => {
  const body = Buffer.concat([Buffer.from(type, "latin1"), ...content])
  return Buffer.concat([integer(body.length - 4), body, integer(crc32(body))])
}

/** RGB rows of one colour, none of them filtered. */
const pixelsOf = (colour: readonly [number, number, number]): Buffer => {
  const row = [0, ...Array.from({ length: SIDE }, () => colour).flat()]
  return deflateSync(Buffer.from(Array.from({ length: SIDE }, () => row).flat()))
}

/**
 * An animated PNG of 16x16 pictures at 10 frames a second, each of one colour, `[red, green, blue]`.
 *
 * Source: PNG specification, third edition, section 11.3.6
 */
export const makeApng = async (
  name: string,
  colours: ReadonlyArray<readonly [number, number, number]>,
): Promise<string> => {
  let sequence = 0
  const control = () =>
    chunk(
      "fcTL",
      ...[sequence++, SIDE, SIDE, 0, 0].map(integer),
      Buffer.from([0, 1, 0, FRAMES_PER_SECOND, 0, 0]),
    )
  const frames = colours.flatMap((colour, i) => {
    const head = control()
    return [
      head,
      i === 0 ? chunk("IDAT", pixelsOf(colour)) : chunk("fdAT", integer(sequence++), pixelsOf(colour)),
    ]
  })
  const file = join(runFolder(), name)
  const parts = [
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", integer(SIDE), integer(SIDE), Buffer.from([8, 2, 0, 0, 0])),
    chunk("acTL", integer(colours.length), integer(1)),
    ...frames,
    chunk("IEND"),
  ]
  await writeFile(file, Buffer.concat(parts))
  return file
}
