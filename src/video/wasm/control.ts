import * as v from "valibot"

/**
 * Places in the shared `Int32Array` through which the thread that drives an instance and the thread that runs it talk
 * while WebAssembly keeps the latter busy.
 */
export const STOP = 0
/** Goes up whenever the core reads, writes or asks for the time: it is alive. */
export const HEARTBEAT = 1
/** Records that may be sent before the first has been taken. */
export const CREDITS = 2
/** Size of the WebAssembly memory after the last run, in units of 64 KiB. */
export const HEAP_PAGES = 3

export const PAGE_BYTES = 65_536
export const INITIAL_CREDITS = 4

/** A new one, with nothing set but the credits. */
export const makeControl = (): Int32Array<SharedArrayBuffer> => {
  const control = new Int32Array(new SharedArrayBuffer(4 * Int32Array.BYTES_PER_ELEMENT))
  control[CREDITS] = INITIAL_CREDITS
  return control
}

/** What an instance's thread is given when it loads, besides what the `FFmpeg` class itself says. */
export const LoadExtras = v.object({
  module: v.instance(WebAssembly.Module),
  control: v.instance(Int32Array),
})
export type LoadExtras = v.InferOutput<typeof LoadExtras>

/** A piece of one of the files under `/sink`, in the order in which they were written. */
export interface SinkRecord {
  readonly name: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** What arrives as the `FFmpeg` class's log event: a line, or a record. */
export const CoreEvent = v.variant("type", [
  v.object({ type: v.picklist(["stdout", "stderr"]), message: v.string() }),
  v.object({ type: v.literal("record"), name: v.string(), bytes: v.instance(Uint8Array<ArrayBuffer>) }),
])

/** A file of this machine that appears as `/media/<name>` in the core. */
export const HostFile = v.variant("access", [
  v.object({
    access: v.literal("read"),
    name: v.string(),
    /** Open file descriptor, shared by the threads of the process. */
    fd: v.number(),
    sizeBytes: v.number(),
  }),
  v.object({
    access: v.literal("compose"),
    name: v.string(),
    /** Open file descriptor of the file it takes pieces from. */
    fd: v.number(),
    sizeBytes: v.number(),
    /** Where each piece begins, increasing from 0. */
    starts: v.instance(Float64Array),
    /** Position of each piece in the file, or, below zero, -1 less its position in `bytes`. */
    sources: v.instance(Float64Array),
    /** What is not from the file. */
    bytes: v.instance(Uint8Array),
  }),
  v.object({
    access: v.literal("write"),
    name: v.string(),
    /** An existing file. */
    path: v.string(),
  }),
])
export type HostFile = v.InferOutput<typeof HostFile>

/** Options of a mount. */
export const MountOptions = v.object({ hostFiles: v.array(HostFile) })

/** Names of the two file systems. */
export const HOST_FILES = "HOSTFILES"
export const MEDIA_FOLDER = "/media"
export const SINK_FOLDER = "/sink"
