import type { ClipCall } from "../../protocol.ts"
import type { WorkerIo } from "../../serve.ts"
import { CannotJoin } from "../../smart/joining.ts"
import { makePacket, openInput, pickVideoStream, ticks } from "./input.ts"

/** Reads a joined clip back. Throws `CannotJoin` unless it has a packet for every frame, at its time, and begins at 0. */
export const checkJoined = (call: ClipCall, io: WorkerIo): void => {
  using input = openInput(call.output)
  const { index, timeBase } = pickVideoStream(input)
  using packet = makePacket()
  const found: Array<number> = []
  let lastDts = Number.NEGATIVE_INFINITY
  let begins = false
  while (input.read(packet)) {
    io.poll()
    if (packet.streamIndex !== index) continue
    begins ||= packet.isKeyframe && found.length === 0
    const dts = ticks(packet.dts) ?? Number.NEGATIVE_INFINITY
    if (dts <= lastDts) throw new CannotJoin("its joined packets would be out of order")
    lastDts = dts
    found.push(ticks(packet.pts) ?? Number.NaN)
  }
  const [first = 0] = call.framePts
  const expected = call.framePts.map(
    (pts) => ((pts - first) * call.timeBase.num * timeBase.den) / (call.timeBase.den * timeBase.num),
  )
  found.sort((a, b) => a - b)
  if (!begins || found.length !== expected.length || found.some((pts, i) => pts !== expected[i]))
    throw new CannotJoin("its joined packets would not be the wanted frames")
}
