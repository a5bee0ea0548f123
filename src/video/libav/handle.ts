import type { WorkerHandler, WorkerIo } from "../../threads/serve.ts"
import type { LibavCall } from "../protocol.ts"
import { cut } from "./cut.ts"
import { decodeClip } from "./decode-clip.ts"
import { frames } from "./frames.ts"
import { probe } from "./probe.ts"
import { giveBackFreed } from "./trim.ts"

const answer = async (call: LibavCall, io: WorkerIo): Promise<unknown> => {
  switch (call.type) {
    case "ping":
      return { loaded: true }
    case "probe":
      return probe(call, io)
    case "frames":
      return frames(call, io)
    case "cut":
      return cut(call, io)
    case "decode":
      return decodeClip(call, io)
  }
}

/** Requests that hold many frames at once, and leave much freed memory behind. */
const FREES_MUCH: ReadonlySet<LibavCall["type"]> = new Set(["cut", "decode"])

/** Answers one request inside the worker. Only our own pool sends requests, so their shape is known. */
export const handle: WorkerHandler = async (request, io) => {
  const call = request as LibavCall
  try {
    return await answer(call, io)
  } finally {
    if (FREES_MUCH.has(call.type)) giveBackFreed()
  }
}
