import {
  type AvcSets,
  avcType,
  avcTypeOf,
  pictureSetId,
  readAvcSets,
  readSequenceFacts,
  writeAvcRecord,
} from "./avc-sets.ts"
import { CannotJoin, type Joining } from "./joining.ts"
import { isPacked, packetOf, sameBytes, unitsOf } from "./units.ts"

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

const isPicture = (unit: Uint8Array): boolean =>
  avcTypeOf(unit) >= avcType.slice && avcTypeOf(unit) <= avcType.idrSlice

const spareId = (sets: AvcSets): number => {
  const used = new Set([
    ...sets.sequences.map((unit) => readSequenceFacts(unit).id),
    ...sets.pictures.map(pictureSetId),
  ])
  for (let id = 1; id < SET_IDS; id++) if (!used.has(id)) return id
  throw new CannotJoin("its parameter sets use every id")
}

const isSet = (unit: Uint8Array): boolean => {
  const type = avcTypeOf(unit)
  return type === avcType.sequenceSet || type === avcType.pictureSet
}

/**
 * Joins H.264: the parameter sets of both parts have ids of their own and stand together in the sample description
 * (ISO/IEC 14496-15, 5.3). Throws `CannotJoin`.
 *
 * @param extradata of the source's stream
 */
export const joinAvc = (extradata: Uint8Array): Joining => {
  const sets = readAvcSets(extradata)
  if (sets === undefined) throw new CannotJoin("its parameter sets are not in its header")
  const facts = sets.sequences.map(readSequenceFacts)
  if (facts.some(({ framesOnly }) => !framesOnly)) throw new CannotJoin("it is interlaced")
  if (facts.some(({ chromaFormat }) => chromaFormat === 3))
    throw new CannotJoin("it is 4:4:4, which decoders treat by the encoder's mark at its start")
  const profiles = new Set(facts.map(({ profile }) => profile))
  const known = [...sets.sequences, ...sets.pictures]

  const split = (packet: Uint8Array): ReadonlyArray<Uint8Array> => {
    const units = unitsOf(packet, sets.lengthBytes)
    if (units === undefined) throw new CannotJoin("one of its packets is damaged")
    return units
  }
  return {
    part: {
      codec: "h264",
      setId: spareId(sets),
      profile: profiles.size === 1 ? PROFILES[facts[0]?.profile ?? 0] : undefined,
    },
    canBegin: (packet) => {
      const pictures = split(packet).filter(isPicture)
      return pictures.length > 0 && pictures.every((unit) => avcTypeOf(unit) === avcType.idrSlice)
    },
    describe: (encoded) => {
      const added = encoded === undefined ? undefined : readAvcSets(encoded)
      return { tag: "avc1", record: writeAvcRecord(sets, added ?? { sequences: [], pictures: [] }) }
    },
    encoded: (packet) => packetOf(unitsOf(packet, 0) ?? []),
    copied: (packet) => {
      const units = split(packet)
      if (units.some((unit) => isSet(unit) && !known.some((set) => sameBytes(set, unit))))
        throw new CannotJoin("its parameter sets change on the way")
      const kept = units.filter((unit) => !isSet(unit) && avcTypeOf(unit) !== avcType.sequenceEnd)
      return kept.length === units.length && isPacked(sets.lengthBytes) ? undefined : packetOf(kept)
    },
  }
}
