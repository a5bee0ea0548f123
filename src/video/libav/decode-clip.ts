import { isLarge } from "../../picture/picture-size.ts"
import type { WorkerIo } from "../../threads/serve.ts"
import type { DecodeCall, DecodeReply } from "../protocol.ts"
import { makePacket, openDecoder, openInput, pickVideoStream } from "./input.ts"

/** Decodes all frames of a clip. */
export const decodeClip = ({ file, alone }: DecodeCall, io: WorkerIo): DecodeReply => {
  using input = openInput(file)
  const stream = pickVideoStream(input)
  const { width, height } = stream.codecpar
  if (!alone && isLarge(width, height)) return { large: [width, height] }
  using decoder = openDecoder(input, stream)
  using packet = makePacket()
  let complaints = 0
  let frames = 0
  decoder.onDamage = () => {
    complaints++
  }
  const count = (given: Iterable<unknown>) => {
    for (const _ of given) {
      io.poll()
      frames++
    }
  }
  while (input.read(packet)) {
    io.poll()
    if (packet.streamIndex === stream.index) count(decoder.push(packet))
  }
  count(decoder.push(undefined))
  return { decoded: { frames, complaints } }
}
