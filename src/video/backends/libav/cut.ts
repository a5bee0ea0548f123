import { rmSync } from "node:fs"
import type { CutCall, CutReply } from "../../protocol.ts"
import { WorkerFailure, type WorkerIo } from "../../serve.ts"
import { copyPackets } from "./copy.ts"
import { reencode } from "./reencode.ts"

/** Cuts a clip. Whatever goes wrong, cancellation included, no file is left behind. */
export const cut = (call: CutCall, io: WorkerIo): CutReply => {
  if (call.framePts.length === 0)
    throw new WorkerFailure(
      "CutFailed",
      `${call.file}: there is no frame from PTS ${call.startPts} to ${call.endPts}`,
    )
  try {
    return call.mode === "copy" ? copyPackets(call, io) : reencode(call, io)
  } catch (error) {
    rmSync(call.output, { force: true })
    throw error
  }
}
