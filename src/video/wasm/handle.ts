import type { WorkerHandler, WorkerIo } from "../../threads/serve.ts"
import type { FramesCall, PingCall, ProbeCall } from "../protocol.ts"
import { VideoFailure } from "../VideoFailure.ts"
import { frames } from "./frames.ts"
import { Instance, InstanceFailure } from "./instance.ts"
import { type InfoSource, makeInfoSource, type OpenFile, openMedia } from "./media.ts"
import { probe } from "./probe.ts"
import { type RunCall, runProgram } from "./run-program.ts"

/** How long an instance may take to load, in milliseconds. */
const LOAD_DEADLINE_MS = 20_000
/** How long the core may show no sign of life, in milliseconds. */
const STALL_MS = 60_000

/**
 * Memory of WebAssembly only ever grows: an instance in which a request took more than this is not kept, or each thread would hold
 * as much as its largest pictures took. Another loads in some 30 ms.
 */
const MOST_HEAP_BYTES = 2 ** 28

/** What the wasm worker can be asked. */
export type WasmCall = PingCall | ProbeCall | FramesCall | RunCall

/** A request as it crosses to the worker. */
export interface WasmRequest {
  readonly call: WasmCall
  /** The core's code, compiled once for all workers. */
  readonly module: WebAssembly.Module
  /** The file of `call`, if it has one, open for as long as the request takes. */
  readonly source: OpenFile | undefined
}

const answer = (
  instance: Instance,
  infoOf: InfoSource,
  { call, source }: WasmRequest,
  io: WorkerIo,
): Promise<unknown> => {
  if (call.type === "ping") return Promise.resolve({ loaded: true })
  if (source === undefined) throw new Error(`a request of type ${call.type} comes with an open file`)
  switch (call.type) {
    case "probe":
      return probe(call, openMedia(instance, call.file, source, io.poll), infoOf)
    case "frames":
      return frames(call, openMedia(instance, call.file, source, io.poll), infoOf, io)
    case "run":
      return runProgram(call, instance, source, io)
  }
}

/** The handler of one worker, which keeps its instance until that breaks. */
export const makeHandler = (): WorkerHandler => {
  const infoOf = makeInfoSource()
  let instance: Instance | undefined
  const load = async (module: WebAssembly.Module): Promise<Instance> => {
    if (instance !== undefined && !instance.broken) return instance
    try {
      instance = await Instance.load({ module, loadDeadlineMs: LOAD_DEADLINE_MS, stallMs: STALL_MS })
    } catch (error) {
      if (!(error instanceof InstanceFailure)) throw error
      throw new VideoFailure("BackendUnavailable", error.message)
    }
    return instance
  }
  return async (request, io) => {
    // Only our own pool sends requests, so their shape is known.
    const known = request as WasmRequest
    const used = await load(known.module)
    try {
      return await answer(used, infoOf, known, io)
    } finally {
      if (used.heapBytes > MOST_HEAP_BYTES) used[Symbol.dispose]()
    }
  }
}
