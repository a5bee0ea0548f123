import { CannotJoin, type Joining } from "../joining.ts"
import { BitReader, unescaped } from "../nal/bits.ts"
import { isPacked, type NaluLengthSize, packetOf, sameBytes, unitsOf } from "../nal/units.ts"

/** NAL unit types of ITU-T H.265, table 7-1. */
const hevcType = {
  blaNLp: 18,
  cra: 21,
  vps: 32,
  sps: 33,
  pps: 34,
  aud: 35,
  eos: 36,
  eob: 37,
} as const
const FIRST_BLA = 16
/** Last of the types that a slice segment header calls random access points. */
const LAST_IRAP = 23
const FIRST_NON_VCL = 32

const typeOf = (unit: Uint8Array): number => ((unit[0] ?? 0) >> 1) & 0x3f
const layerOf = (unit: Uint8Array): number => ((unit[0] ?? 0) & 1) * 32 + ((unit[1] ?? 0) >> 3)
const isSet = (unit: Uint8Array): boolean => typeOf(unit) >= hevcType.vps && typeOf(unit) <= hevcType.pps
const isPicture = (unit: Uint8Array): boolean => typeOf(unit) < FIRST_NON_VCL
const isDelimiter = (unit: Uint8Array): boolean => typeOf(unit) === hevcType.aud
const isEnd = (unit: Uint8Array): boolean => typeOf(unit) === hevcType.eos || typeOf(unit) === hevcType.eob
const isIrap = (unit: Uint8Array): boolean => typeOf(unit) >= FIRST_BLA && typeOf(unit) <= hevcType.cra

/** Whether the decoder can begin with a packet; leading pictures aside, nothing after it refers to what is before it. */
const isKeyPacket = (units: ReadonlyArray<Uint8Array>): boolean => {
  const pictures = units.filter(isPicture)
  return pictures.length > 0 && pictures.every(isIrap)
}

/**
 * A picture whose leading pictures are gone: decoders need not look for them. The headers of both kinds are alike.
 *
 * Source: ITU-T H.265, 7.3.6.1 and table 7-1
 */
const asBla = (unit: Uint8Array): Uint8Array => {
  // `no_output_of_prior_pics_flag`, the second bit of the header, would hide the end of the part before.
  if (((unit[2] ?? 0) & 0x40) !== 0) throw new CannotJoin("a key frame sets no_output_of_prior_pics_flag")
  if (typeOf(unit) !== hevcType.cra) return unit
  const changed = Uint8Array.from(unit)
  changed[0] = ((unit[0] ?? 0) & 0x81) | (hevcType.blaNLp << 1)
  return changed
}

/** Enough for the first fields of a slice segment header. */
const SLICE_HEAD_BYTES = 16

const slicePpsId = (unit: Uint8Array): number =>
  new BitReader(unescaped(unit.subarray(0, SLICE_HEAD_BYTES)), 2).unsigned()

/** Whether a packet's first slice segment begins a picture by one of these picture parameter sets (7.3.6.1). */
const beginsWell = (units: ReadonlyArray<Uint8Array>, ppsIds: ReadonlySet<number>): boolean => {
  const slice = units.find(isPicture)
  if (slice === undefined) return false
  const bits = new BitReader(unescaped(slice.subarray(0, SLICE_HEAD_BYTES)), 2)
  const isFirst = bits.bit() === 1
  // `no_output_of_prior_pics_flag`
  if (typeOf(slice) >= FIRST_BLA && typeOf(slice) <= LAST_IRAP) bits.bit()
  return isFirst && ppsIds.has(bits.unsigned())
}

interface HevcSets {
  readonly naluLengthSize: NaluLengthSize
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
  const naluLengthSize = (((extradata[21] ?? 0) & 3) + 1) as NaluLengthSize
  return { naluLengthSize, units: units.filter(isSet), record }
}

const skipBits = (bits: BitReader, count: number): void => {
  for (let i = 0; i < count; i++) bits.bit()
}

/** Bits of a profile and of a level in a sequence parameter set (7.3.3). */
const PROFILE_BITS = 88
const LEVEL_BITS = 8

const skipProfileTierLevel = (bits: BitReader, lowerLayers: number): void => {
  skipBits(bits, PROFILE_BITS + LEVEL_BITS)
  const present = Array.from({ length: lowerLayers }, () => [bits.bit(), bits.bit()] as const)
  if (lowerLayers > 0) skipBits(bits, 2 * (8 - lowerLayers))
  for (const [profile, level] of present) skipBits(bits, profile * PROFILE_BITS + level * LEVEL_BITS)
}

/** Pictures that a sequence parameter set has the decoder hold, the current one among them (7.3.2.2.1). */
const maxDecPicBuffering = (unit: Uint8Array): number => {
  const bits = new BitReader(unescaped(unit), 2)
  bits.bits(4) // sps_video_parameter_set_id
  const maxSubLayersMinus1 = bits.bits(3)
  bits.bit() // sps_temporal_id_nesting_flag
  skipProfileTierLevel(bits, maxSubLayersMinus1)
  bits.unsigned() // sps_seq_parameter_set_id
  const chromaFormatIdc = bits.unsigned()
  if (chromaFormatIdc === 3) bits.bit() // separate_colour_plane_flag
  bits.unsigned() // pic_width_in_luma_samples
  bits.unsigned() // pic_height_in_luma_samples
  const conformanceWindowFlag = bits.bit()
  if (conformanceWindowFlag === 1) for (let side = 0; side < 4; side++) bits.unsigned() // conf_win_*_offset
  bits.unsigned() // bit_depth_luma_minus8
  bits.unsigned() // bit_depth_chroma_minus8
  bits.unsigned() // log2_max_pic_order_cnt_lsb_minus4
  const subLayerOrderingInfoPresentFlag = bits.bit()
  const layers = subLayerOrderingInfoPresentFlag === 1 ? maxSubLayersMinus1 + 1 : 1
  return Math.max(
    ...Array.from({ length: layers }, () => {
      const most = bits.unsigned() + 1 // sps_max_dec_pic_buffering_minus1
      bits.unsigned() // sps_max_num_reorder_pics
      bits.unsigned() // sps_max_latency_increase_plus1
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
  const sequences = units.filter((unit) => typeOf(unit) === hevcType.sps)
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
  const ppsIds = new Set(sets.units.filter((unit) => typeOf(unit) === hevcType.pps).map(slicePpsId))
  const split = (packet: Uint8Array): ReadonlyArray<Uint8Array> => {
    const units = unitsOf(packet, sets.naluLengthSize)
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
      if (!beginsWell(units, ppsIds)) throw new CannotJoin("one of its packets is damaged")
      const isKey = isKeyPacket(units)
      const kept = units.filter((unit) => !isSet(unit) && !isEnd(unit))
      if (!isKey && kept.length === units.length && isPacked(sets.naluLengthSize))
        return { data: undefined, isKeyframe: false }
      const rest = first ? kept.map((unit) => (isPicture(unit) ? asBla(unit) : unit)) : kept
      if (!isKey) return { data: packetOf(rest), isKeyframe: false }
      const delimiters = rest.filter(isDelimiter)
      const others = rest.filter((unit) => !isDelimiter(unit))
      return { data: packetOf([...delimiters, ...sets.units, ...others]), isKeyframe: true }
    },
    isRewritten: false,
    leftOut: () => {},
  }
}
