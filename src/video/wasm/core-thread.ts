import createCore from "@ffmpeg/core"
import * as v from "valibot"
import {
  HEAP_PAGES,
  HEARTBEAT,
  HOST_FILES,
  LoadExtras,
  PAGE_BYTES,
  SINK_FOLDER,
  type SinkRecord,
  STOP,
} from "./control.ts"
import type { Core } from "./emscripten.ts"
import { hostFiles } from "./host-files.ts"
import { repair } from "./runtime.ts"
import { makeSink } from "./sink.ts"

/** Lines of one run that are passed on; a damaged file makes thousands. */
const LINES_PER_RUN = 100
/** What Emscripten prints when a program ends by `exit`. */
const END_OF_RUN = "Aborted("
/** A picture after an open key frame makes the decoder forget one from before it, which it never had: that changes nothing. */
const HARMLESS = /mmco: unref short failure/
/** Time a run may take, in milliseconds since its start, as the core sees it: any, or none at all. */
const NO_LIMIT = -1
const TIME_IS_UP = 0

/** Sends a record as if it were a line of the log, the one thing the `FFmpeg` class passes on as it comes. */
const sendRecord = (record: SinkRecord): void =>
  globalThis.postMessage(
    { type: "LOG", data: { type: "record", ...record } },
    { transfer: [record.bytes.buffer] },
  )

/** Starts an instance from a module that was compiled once for all threads. */
const startCore = async ({ module, control }: LoadExtras, config: object): Promise<Core> => {
  const { promise: refused, reject } = Promise.withResolvers<never>()
  const starting = createCore({
    ...config,
    instantiateWasm: (imports, receive) => {
      WebAssembly.instantiate(module, imports)
        .then((instance) => receive(instance, module))
        .catch(reject)
      return {}
    },
  })
  const core = await Promise.race([starting, refused])
  const sink = makeSink(core, control, sendRecord)
  core.FS.filesystems[HOST_FILES] = hostFiles(core, control)
  core.FS.mkdir(SINK_FOLDER)
  core.FS.mount(sink.fileSystem, {}, SINK_FOLDER)
  let lines = 0
  repair(core, () => {
    lines = 0
    sink.flush()
    Atomics.store(control, HEAP_PAGES, core.HEAPU8.length / PAGE_BYTES)
  })
  core.setLogger = (log) => {
    core.logger = (line) => {
      if (line.message.startsWith(END_OF_RUN) || HARMLESS.test(line.message)) return
      if (lines++ < LINES_PER_RUN) log(line)
    }
  }
  Object.defineProperty(core, "timeout", {
    get: () => {
      Atomics.add(control, HEARTBEAT, 1)
      return Atomics.load(control, STOP) === 0 ? NO_LIMIT : TIME_IS_UP
    },
    set: () => {},
  })
  return core
}

/**
 * Makes this thread the worker of an `FFmpeg` object: the stock worker of `@ffmpeg/ffmpeg`, which finds a core of ours
 * where it looks for the one it would download.
 */
export const serveCore = async (): Promise<void> => {
  // Nothing may be awaited before this: early messages would be lost.
  const early: Array<MessageEvent> = []
  globalThis.onmessage = (event: MessageEvent) => early.push(event)
  await import("@ffmpeg/ffmpeg/worker")
  const stock: unknown = globalThis.onmessage
  if (typeof stock !== "function") throw new Error("@ffmpeg/ffmpeg/worker listens to no messages")
  let extras: unknown
  Object.assign(globalThis, {
    importScripts: () => {},
    createFFmpegCore: (config: object) => startCore(v.parse(LoadExtras, extras), config),
  })
  const receive = (event: MessageEvent) => {
    if (event.data.type === "LOAD") extras = event.data.data
    return stock(event)
  }
  globalThis.onmessage = receive
  for (const event of early) receive(event)
}
