import { avGetPixFmtName, type Frame } from "node-av/lib"
import type { Decoded, Reader } from "./reader.ts"

/** Bytes of a row of each plane that show something; of formats that are not known here, none. */
const rowBytes = (frame: Frame): ReadonlyArray<number> => {
  const format = avGetPixFmtName(frame.format as Parameters<typeof avGetPixFmtName>[0]) ?? ""
  const [, halved, deep] = /^yuvj?(420|422|444)p(10le)?$/.exec(format) ?? []
  if (halved === undefined) return []
  const bytes = deep === undefined ? 1 : 2
  const chroma = halved === "444" ? frame.width : (frame.width + 1) >> 1
  return [frame.width * bytes, chroma * bytes, chroma * bytes]
}

/** Whether two frames are the same picture, as far as their format is known here. */
export const areSame = (a: Frame, b: Frame): boolean =>
  a.width === b.width &&
  a.height === b.height &&
  rowBytes(a).every((length, plane) => {
    const [rows, others] = [a.data?.[plane], b.data?.[plane]]
    const [stride = 0, otherStride = 0] = [a.linesize[plane], b.linesize[plane]]
    if (rows === undefined || others === undefined) return false
    for (let at = 0, other = 0; at + length <= rows.length; at += stride, other += otherStride)
      if (rows.compare(others, other, other + length, at, at + length) !== 0) return false
    return true
  })

/** The next frame that is not shown before `pts`. */
export const nextFrom = (reader: Reader, pts: number): Decoded | undefined => {
  for (;;) {
    const out = reader.next()
    if (out === undefined || out.pts >= pts) return out
  }
}
