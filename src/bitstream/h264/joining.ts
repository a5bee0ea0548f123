import { CannotJoin, interlacedReason, type Joining } from "../joining.ts"
import { BitReader, unescaped } from "../nal/bits.ts"
import { isPacked, NotFollowed, packetOf, sameBytes, unitsOf } from "../nal/units.ts"
import { ppsIdOf, readSps } from "./parameter-sets.ts"
import { AvcRebase } from "./rebase.ts"
import { type AvcSets, avcType, avcTypeOf, readAvcSets, writeAvcRecord } from "./sets.ts"

/** `profile_idc` by the name x264 knows it by. */
const PROFILES: Readonly<Record<number, string>> = {
  66: "baseline",
  77: "main",
  100: "high",
  110: "high10",
  122: "high422",
  244: "high444",
}

/** Sequence parameter sets have ids below this; picture parameter sets may share them. */
const SET_IDS = 32

const RECOVERY_POINT = 6

/** Whether a SEI unit says that the pictures shown from here on are right. */
const isRecoveryPoint = (unit: Uint8Array): boolean => {
  const bytes = unescaped(unit)
  for (let at = 1; at + 2 < bytes.length; ) {
    let type = 0
    let size = 0
    while (bytes[at] === 255) type += bytes[at++] ?? 0
    type += bytes[at++] ?? 0
    while (bytes[at] === 255) size += bytes[at++] ?? 0
    size += bytes[at++] ?? 0
    if (type === RECOVERY_POINT) return new BitReader(bytes, at).unsigned() === 0
    at += size
  }
  return false
}

const INTRA = 2
const SLICE_KINDS = 5
/** Enough for the first three fields of a slice header. */
const SLICE_HEAD_BYTES = 16

const isIntraSlice = (unit: Uint8Array): boolean => {
  const bits = new BitReader(unescaped(unit.subarray(0, SLICE_HEAD_BYTES)), 1)
  bits.unsigned()
  return avcTypeOf(unit) === avcType.slice && bits.unsigned() % SLICE_KINDS === INTRA
}

const isPicture = (unit: Uint8Array): boolean =>
  avcTypeOf(unit) >= avcType.slice && avcTypeOf(unit) <= avcType.idrSlice

/** Kinds of slices; each also has a number of its own for pictures that have no other (7.4.3, table 7-6). */
const SLICE_TYPES = 2 * SLICE_KINDS

/** Whether a packet's first slice begins a picture, of a known kind, by one of these picture parameter sets (7.3.3). */
const beginsWell = (units: ReadonlyArray<Uint8Array>, ppsIds: ReadonlySet<number>): boolean => {
  const slice = units.find((unit) => avcTypeOf(unit) === avcType.slice || isIdr(unit))
  if (slice === undefined) return units.some(isPicture)
  const bits = new BitReader(unescaped(slice.subarray(0, SLICE_HEAD_BYTES)), 1)
  return bits.unsigned() === 0 && bits.unsigned() < SLICE_TYPES && ppsIds.has(bits.unsigned())
}

const spareId = (sets: AvcSets): number => {
  const used = new Set([...sets.sps.map((unit) => readSps(unit).id), ...sets.pps.map(ppsIdOf)])
  for (let id = 1; id < SET_IDS; id++) if (!used.has(id)) return id
  throw new CannotJoin("its parameter sets use every id")
}

const isIdr = (unit: Uint8Array): boolean => avcTypeOf(unit) === avcType.idrSlice

const isSet = (unit: Uint8Array): boolean => {
  const type = avcTypeOf(unit)
  return type === avcType.sps || type === avcType.pps
}

/**
 * Joins H.264: the parameter sets of both parts have ids of their own and stand together in the sample description
 * (ISO/IEC 14496-15, 5.3). Throws `CannotJoin`.
 *
 * @param extradata of the source's stream
 */
export const joinAvc = (extradata: Uint8Array): Joining => {
  const sets = readAvcSets(extradata)
  if (sets === undefined) throw new CannotJoin("its parameter sets are not in the container's header")
  const facts = sets.sps.map(readSps)
  if (facts.some(({ frameMbsOnlyFlag }) => !frameMbsOnlyFlag)) throw new CannotJoin(interlacedReason)
  if (facts.some(({ chromaFormatIdc }) => chromaFormatIdc === 3))
    throw new CannotJoin("it is 4:4:4, which decoders treat by the encoder's SEI message at its start")
  const profiles = new Set(facts.map(({ profileIdc }) => profileIdc))
  const known = [...sets.sps, ...sets.pps]
  const ppsIds = new Set(sets.pps.map(ppsIdOf))

  let rebase: AvcRebase | undefined
  const canRebase = (() => {
    try {
      return new AvcRebase(sets) !== undefined
    } catch (error) {
      if (error instanceof NotFollowed) return false
      throw error
    }
  })()
  const isKept = (unit: Uint8Array) => !isSet(unit) && avcTypeOf(unit) !== avcType.endOfSequence

  const split = (packet: Uint8Array): ReadonlyArray<Uint8Array> => {
    const units = unitsOf(packet, sets.naluLengthSize)
    if (units === undefined) throw new CannotJoin("one of its packets is damaged")
    return units
  }
  return {
    part: {
      codec: "h264",
      setId: spareId(sets),
      profile: profiles.size === 1 ? PROFILES[facts[0]?.profileIdc ?? 0] : undefined,
    },
    canBegin: (packet) => {
      const units = split(packet)
      const pictures = units.filter(isPicture)
      if (pictures.length === 0) return false
      if (pictures.every(isIdr)) return true
      const isSeiRecovery = (unit: Uint8Array) => avcTypeOf(unit) === avcType.sei && isRecoveryPoint(unit)
      return canRebase && pictures.every(isIntraSlice) && units.some(isSeiRecovery)
    },
    describe: (encoded) => {
      const added = encoded === undefined ? undefined : readAvcSets(encoded)
      return { tag: "avc1", record: writeAvcRecord(sets, added ?? { sps: [], pps: [] }) }
    },
    encoded: (packet) => packetOf(unitsOf(packet, 0) ?? []),
    copied: (packet, first) => {
      const units = split(packet)
      if (units.some((unit) => isSet(unit) && !known.some((set) => sameBytes(set, unit))))
        throw new CannotJoin("its parameter sets change on the way")
      if (!beginsWell(units, ppsIds)) throw new CannotJoin("one of its packets is damaged")
      const kept = units.filter(isKept)
      if (first && !units.some(isIdr)) rebase = new AvcRebase(sets)
      const written = rebase === undefined ? kept : rebase.take(kept, false)
      const isSame = written === kept && kept.length === units.length && isPacked(sets.naluLengthSize)
      // Players that jump to the key frame of an open group do not drop the pictures before it, which they cannot decode.
      return { data: isSame ? undefined : packetOf(written), isKeyframe: written.some(isIdr) }
    },
    get isRewritten() {
      return rebase !== undefined
    },
    leftOut: (packet) => {
      rebase?.take(split(packet).filter(isKept), true)
    },
  }
}
