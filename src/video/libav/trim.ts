import { dlopen, FFIType } from "bun:ffi"

/** Of a process that holds less, freed memory is left to the allocator, which will use it again. */
const MUCH_BYTES = 400e6

/** glibc's `malloc_trim`; `undefined` with other C libraries, which give back large blocks by themselves or cannot be told to. */
const findTrim = (): ((keptBytes: number) => number) | undefined => {
  if (process.platform !== "linux") return undefined
  try {
    return dlopen("libc.so.6", { malloc_trim: { args: [FFIType.u64], returns: FFIType.i32 } }).symbols
      .malloc_trim
  } catch {
    // There is no such library, or no such function in it: nothing is lost but memory that could have been given back.
    return undefined
  }
}

const trim = findTrim()

/**
 * Gives memory that libav has freed back to the system, if the process holds much. glibc keeps what lies between blocks that are in
 * use: after clips of large pictures some hundred megabytes for as long as the process lives.
 */
export const giveBackFreed = (): void => {
  if (process.memoryUsage.rss() > MUCH_BYTES) trim?.(0)
}
