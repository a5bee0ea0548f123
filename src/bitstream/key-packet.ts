/** A packet at which decoding can begin, in ticks of its stream's time base. */
export interface KeyPacket {
  readonly pts: number
  readonly dts: number
}
