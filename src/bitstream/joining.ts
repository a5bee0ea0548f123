import type { NalCodec } from "./nal/codec.ts"
import { NotFollowed } from "./nal/units.ts"

/** The packets cannot be copied beside re-encoded ones. `message` completes "re-encoded, because …". */
export class CannotJoin extends NotFollowed {}

/** Both fields of a frame are re-encoded as decoders weave them, so that frames stay what they were. */
export const interlacedReason =
  "it is interlaced; the two fields of a frame stay woven, in a clip marked as progressive"

/** A re-encoded picture is not like the source's enough. */
export class TooCoarse extends Error {}

/** What an encoder is told, so that its packets fit beside the copied ones. */
export interface PartSettings {
  readonly codec: NalCodec
  /** Of the encoder's parameter sets; not used by the source. H.264 only. */
  readonly setId: number
  /** The source's profile by its name in x264; H.264 only. */
  readonly profile: string | undefined
}

/** How one codec's packets, copied and re-encoded, become one MP4 track. */
export interface Joining {
  readonly part: PartSettings
  /** Whether copying can begin with a packet: nothing after it that is shown later refers to what is before it. */
  readonly canBegin: (packet: Uint8Array) => boolean
  /**
   * The track's sample description.
   *
   * @param encoded the encoder's parameter sets with start codes, if anything is re-encoded
   */
  readonly describe: (encoded: Uint8Array | undefined) => SampleDescription
  /** A re-encoded packet (with start codes) as it stands in the track. */
  readonly encoded: (packet: Uint8Array) => Buffer
  /**
   * A copied packet as it stands in the track. Throws `CannotJoin`.
   *
   * @param first whether copying begins with it
   */
  readonly copied: (packet: Uint8Array, first: boolean) => CopiedPacket
  /** Whether more of the copied packets had to be changed than how their units are parted. */
  readonly isRewritten: boolean
  /** Sees a packet between copied ones that is left out. Throws `CannotJoin`. */
  readonly leftOut: (packet: Uint8Array) => void
}

export interface CopiedPacket {
  /** `undefined` if unchanged. */
  readonly data: Buffer | undefined
  /** Whether players may jump to it. */
  readonly isKeyframe: boolean
}

export interface SampleDescription {
  /** Four characters. */
  readonly tag: string
  /** The `avcC` or `hvcC` record. */
  readonly record: Buffer
}
