import { CannotJoin, type Joining } from "../joining.ts"
import { BitReader, unescaped } from "../nal/bits.ts"
import { isPacked, type LengthBytes, packetOf, sameBytes, unitsOf } from "../nal/units.ts"

/** NAL unit types of ITU-T H.265, table 7-1. */
const hevcType = {
  brokenLinkAlone: 18,
  cleanRandomAccess: 21,
  videoSet: 32,
  sequenceSet: 33,
  pictureSet: 34,
  delimiter: 35,
  sequenceEnd: 36,
  streamEnd: 37,
} as const
const FIRST_BROKEN_LINK = 16
/** Last of the types that a slice segment header calls random access points. */
const LAST_RANDOM_ACCESS = 23
const PICTURES = 32

const typeOf = (unit: Uint8Array): number => ((unit[0] ?? 0) >> 1) & 0x3f
const layerOf = (unit: Uint8Array): number => ((unit[0] ?? 0) & 1) * 32 + ((unit[1] ?? 0) >> 3)
const isSet = (unit: Uint8Array): boolean =>
  typeOf(unit) >= hevcType.videoSet && typeOf(unit) <= hevcType.pictureSet
const isPicture = (unit: Uint8Array): boolean => typeOf(unit) < PICTURES
const isDelimiter = (unit: Uint8Array): boolean => typeOf(unit) === hevcType.delimiter
const isEnd = (unit: Uint8Array): boolean =>
  typeOf(unit) === hevcType.sequenceEnd || typeOf(unit) === hevcType.streamEnd
const isEntry = (unit: Uint8Array): boolean =>
  typeOf(unit) >= FIRST_BROKEN_LINK && typeOf(unit) <= hevcType.cleanRandomAccess

/** Whether the decoder can begin with a packet; leading pictures aside, nothing after it refers to what is before it. */
const isKeyPacket = (units: ReadonlyArray<Uint8Array>): boolean => {
  const pictures = units.filter(isPicture)
  return pictures.length > 0 && pictures.every(isEntry)
}

/**
 * A picture whose leading pictures are gone: decoders need not look for them. The headers of both kinds are alike.
 *
 * Source: ITU-T H.265, 7.3.6.1 and table 7-1
 */
const asBrokenLink = (unit: Uint8Array): Uint8Array => {
  // `no_output_of_prior_pics_flag`, the second bit of the header, would hide the end of the part before.
  if (((unit[2] ?? 0) & 0x40) !== 0) throw new CannotJoin("a key frame sets no_output_of_prior_pics_flag")
  if (typeOf(unit) !== hevcType.cleanRandomAccess) return unit
  const changed = Uint8Array.from(unit)
  changed[0] = ((unit[0] ?? 0) & 0x81) | (hevcType.brokenLinkAlone << 1)
  return changed
}

/** Enough for the first fields of a slice segment header. */
const SLICE_HEAD_BYTES = 16

const pictureSetId = (unit: Uint8Array): number =>
  new BitReader(unescaped(unit.subarray(0, SLICE_HEAD_BYTES)), 2).unsigned()

/** Whether a packet's first slice segment begins a picture by one of these picture parameter sets (7.3.6.1). */
const beginsWell = (units: ReadonlyArray<Uint8Array>, pictureSetIds: ReadonlySet<number>): boolean => {
  const slice = units.find(isPicture)
  if (slice === undefined) return false
  const bits = new BitReader(unescaped(slice.subarray(0, SLICE_HEAD_BYTES)), 2)
  const isFirst = bits.bit() === 1
  // `no_output_of_prior_pics_flag`
  if (typeOf(slice) >= FIRST_BROKEN_LINK && typeOf(slice) <= LAST_RANDOM_ACCESS) bits.bit()
  return isFirst && pictureSetIds.has(bits.unsigned())
}

interface HevcSets {
  readonly lengthBytes: LengthBytes
  readonly units: ReadonlyArray<Uint8Array>
  /** The `hvcC` record with its lists marked as incomplete. */
  readonly record: Buffer
}

/** The sets of an `hvcC` record (ISO/IEC 14496-15, 8.3.3.1); `undefined` if it is none. */
const readSets = (extradata: Uint8Array): HevcSets | undefined => {
  if (extradata[0] !== 1 || extradata.length < 23) return undefined
  const record = Buffer.from(extradata)
  const units: Array<Uint8Array> = []
  let at = 23
  for (let lists = record[22] ?? 0; lists > 0 && at + 3 <= record.length; lists--) {
    // `array_completeness`: sets may also be in the packets.
    record[at] = (record[at] ?? 0) & 0x7f
    const count = record.readUInt16BE(at + 1)
    at += 3
    for (let i = 0; i < count && at + 2 <= record.length; i++) {
      const length = record.readUInt16BE(at)
      units.push(record.subarray(at + 2, at + 2 + length))
      at += 2 + length
    }
  }
  record[21] = (record[21] ?? 0) | 3
  const lengthBytes = (((extradata[21] ?? 0) & 3) + 1) as LengthBytes
  return { lengthBytes, units: units.filter(isSet), record }
}

const passBits = (bits: BitReader, count: number): void => {
  for (let i = 0; i < count; i++) bits.bit()
}

/** Bits of a profile and of a level in a sequence parameter set (7.3.3). */
const PROFILE_BITS = 88
const LEVEL_BITS = 8

const passProfileTierLevel = (bits: BitReader, lowerLayers: number): void => {
  passBits(bits, PROFILE_BITS + LEVEL_BITS)
  const present = Array.from({ length: lowerLayers }, () => [bits.bit(), bits.bit()] as const)
  if (lowerLayers > 0) passBits(bits, 2 * (8 - lowerLayers))
  for (const [profile, level] of present) passBits(bits, profile * PROFILE_BITS + level * LEVEL_BITS)
}

/** Pictures that a sequence parameter set has the decoder hold, the current one among them (7.3.2.2.1). */
const maxDecPicBuffering = (unit: Uint8Array): number => {
  const bits = new BitReader(unescaped(unit), 2)
  bits.bits(4)
  const lowerLayers = bits.bits(3)
  bits.bit()
  passProfileTierLevel(bits, lowerLayers)
  bits.unsigned()
  if (bits.unsigned() === 3) bits.bit()
  bits.unsigned()
  bits.unsigned()
  if (bits.bit() === 1) for (let side = 0; side < 4; side++) bits.unsigned()
  for (let field = 0; field < 3; field++) bits.unsigned()
  const layers = bits.bit() === 1 ? lowerLayers + 1 : 1
  return Math.max(
    ...Array.from({ length: layers }, () => {
      const most = bits.unsigned() + 1
      bits.unsigned()
      bits.unsigned()
      return most
    }),
  )
}

/**
 * Pictures that an HEVC stream has the decoder hold; `undefined` if its header has no sequence parameter set. Throws `RangeError`
 * if one ends early.
 *
 * @param extradata an `hvcC` record, or units with start codes
 */
export const readMaxDecPicBuffering = (extradata: Uint8Array): number | undefined => {
  const units = readSets(extradata)?.units ?? unitsOf(extradata, 0) ?? []
  const sequences = units.filter((unit) => typeOf(unit) === hevcType.sequenceSet)
  return sequences.length === 0 ? undefined : Math.max(...sequences.map(maxDecPicBuffering))
}

/**
 * Joins HEVC: encoders give their parameter sets the ids that sources use, so that each key frame brings the sets it
 * needs (sample entry `hev1`, ISO/IEC 14496-15, 8.4). Throws `CannotJoin`.
 *
 * @param extradata of the source's stream
 */
export const joinHevc = (extradata: Uint8Array): Joining => {
  const sets = readSets(extradata)
  if (sets === undefined) throw new CannotJoin("its parameter sets are not in the container's header")
  const pictureSetIds = new Set(
    sets.units.filter((unit) => typeOf(unit) === hevcType.pictureSet).map(pictureSetId),
  )
  const split = (packet: Uint8Array): ReadonlyArray<Uint8Array> => {
    const units = unitsOf(packet, sets.lengthBytes)
    if (units === undefined) throw new CannotJoin("one of its packets is damaged")
    return units
  }
  return {
    part: { codec: "hevc", setId: 0, profile: undefined },
    canBegin: (packet) => isKeyPacket(split(packet)),
    describe: () => ({ tag: "hev1", record: sets.record }),
    encoded: (packet) => packetOf(unitsOf(packet, 0) ?? []),
    copied: (packet, first) => {
      const units = split(packet)
      if (units.some((unit) => layerOf(unit) > 0)) throw new CannotJoin("it has several layers")
      if (units.some((unit) => isSet(unit) && !sets.units.some((set) => sameBytes(set, unit))))
        throw new CannotJoin("its parameter sets change on the way")
      if (!beginsWell(units, pictureSetIds)) throw new CannotJoin("one of its packets is damaged")
      const isKey = isKeyPacket(units)
      const kept = units.filter((unit) => !isSet(unit) && !isEnd(unit))
      if (!isKey && kept.length === units.length && isPacked(sets.lengthBytes))
        return { data: undefined, isKeyframe: false }
      const rest = first ? kept.map((unit) => (isPicture(unit) ? asBrokenLink(unit) : unit)) : kept
      if (!isKey) return { data: packetOf(rest), isKeyframe: false }
      const delimiters = rest.filter(isDelimiter)
      const others = rest.filter((unit) => !isDelimiter(unit))
      return { data: packetOf([...delimiters, ...sets.units, ...others]), isKeyframe: true }
    },
    isRewritten: false,
    leftOut: () => {},
  }
}
