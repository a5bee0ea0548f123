import { holdsPicture, isHidden } from "../../bitstream/packet-check.ts"
import { isPredicted } from "../../bitstream/picture-type.ts"

/** What the data of a packet says, as one byte. */
export const PICTURE = 1
/** It only updates references and shows nothing. */
export const HIDDEN = 2
/** Its picture refers to others. */
export const PREDICTED = 3
/** There is no picture that a decoder could find. */
export const NOTHING = 0

/** Begin of the names of files in the sink that keep one byte per packet instead of the packets. */
const MARKS = "marks"

/** Name of the sink's file for the packets of a codec. */
export const marksFile = (codec: string, nalLengthBytes: number): string =>
  `${MARKS}-${codec}-${nalLengthBytes}`

/** What marks packets that are written to a file of this name; `undefined` if it is another file. */
export const markerFor = (name: string): ((packet: Uint8Array) => number) | undefined => {
  const [kind, codec = "", lengthBytes = "0"] = (name.split(".")[0] ?? "").split("-")
  if (kind !== MARKS) return undefined
  return (packet) => {
    if (isHidden(codec, packet)) return HIDDEN
    const bytes = Number(lengthBytes)
    if (bytes > 0 && !holdsPicture(codec, bytes, packet)) return NOTHING
    return isPredicted(codec, packet) ? PREDICTED : PICTURE
  }
}
