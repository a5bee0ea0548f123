import { BitWriter, escaped } from "../nal/bits.ts"
import { packetOf } from "../nal/units.ts"
import { avcType } from "./sets.ts"
import type { Slice } from "./slice.ts"

const REFERENCE_IDC_SHIFT = 5
const FILLER = 12
const LENGTH_BYTES = 4

const unitOf = (bits: BitWriter): Uint8Array => escaped(bits.bit(1).align(0).before(new Uint8Array(0), 0))

/** A picture parameter set under which a slice takes the fewest bits: no arithmetic coding, no weights, no filter. */
const plainPictureSet = (id: number, sequenceSetId: number): Uint8Array =>
  unitOf(
    new BitWriter()
      .bits((3 << REFERENCE_IDC_SHIFT) | avcType.pictureSet, 8)
      .unsigned(id)
      .unsigned(sequenceSetId)
      .bits(0, 2)
      .unsigned(0)
      .unsigned(0)
      .unsigned(0)
      .bits(0, 3)
      .unsigned(0)
      .unsigned(0)
      .unsigned(0)
      .bits(0b100, 3),
  )

const skippedSlice = (slice: Slice, pictureSetId: number): Uint8Array => {
  const { sequence } = slice.set
  const bits = new BitWriter()
    .bits((slice.referenceIdc << REFERENCE_IDC_SHIFT) | avcType.slice, 8)
    .unsigned(0)
    .unsigned(0)
    .unsigned(pictureSetId)
    .bits(slice.frameNum, sequence.frameNumBits)
    .bits(slice.pocLsb, sequence.pocBits)
    // One entry in list 0, and in its usual order.
    .bits(0, 2)
    .bit(slice.forgets === undefined ? 0 : 1)
  if (slice.forgets !== undefined) {
    for (const distance of slice.forgets) bits.unsigned(1).unsigned(distance - 1)
    bits.unsigned(0)
  }
  // The quantiser as it is, no filter, all macroblocks skipped.
  return unitOf(bits.unsigned(0).unsigned(1).unsigned(sequence.macroblocks))
}

/**
 * Bytes that take the place of the first ones of a reference picture's packet. They leave the decoder with the same
 * numbers, order and references as the picture itself, but what it shows is a copy of an earlier one, which costs little.
 * To be used for pictures that nothing wanted refers to. `undefined` if the packet is too small for it.
 *
 * @param slice any slice of the picture; not of an IDR picture, nor of one with a second order count
 * @param pictureSetId of a picture parameter set that the stream does not use
 * @param sizeBytes of the packet, in which each unit is preceded by its length in four bytes
 */
export const standIn = (slice: Slice, pictureSetId: number, sizeBytes: number): Uint8Array | undefined => {
  const units = packetOf([
    plainPictureSet(pictureSetId, slice.set.sequence.id),
    skippedSlice(slice, pictureSetId),
  ])
  const fillerBytes = sizeBytes - units.length - LENGTH_BYTES
  if (fillerBytes < 1 || slice.set.hasBottomOrder) return undefined
  const all = Buffer.alloc(units.length + LENGTH_BYTES + 1)
  units.copy(all)
  all.writeUInt32BE(fillerBytes, units.length)
  all[units.length + LENGTH_BYTES] = FILLER
  return all
}
