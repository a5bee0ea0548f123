import type { Packet } from "node-av/lib"
import { isPredicted, tellsPictureType } from "../../bitstream/picture-type.ts"

/** Whether decoding can begin at a packet: its container says so, and its own header does not say otherwise. */
export const beginsDecoding = (codec: string, packet: Packet): boolean =>
  packet.isKeyframe && !(tellsPictureType(codec) && isPredicted(codec, packet.data ?? new Uint8Array()))
