import type { Core } from "./emscripten.ts"

/**
 * The released core has a stack of 64 KiB, overflows it without a word, and leaves its pointer where it was when a run
 * ends by `exit`. So it gets another one, and the pointer is put back after every run.
 *
 * Source: ffmpegwasm/ffmpeg.wasm, pull requests 824 and 943
 */
const STACK_BYTES = 8 << 20
const STACK_ALIGNMENT = 16
/** Room for the arguments of a run; the core itself never frees them. */
const ARGUMENT_BYTES = 1 << 20
/** Minified names in `@ffmpeg/core` 0.12.10 of what Emscripten calls `stackSave` and `stackRestore`. */
const STACK_SAVE = "Da"
const STACK_RESTORE = "Ea"
/** How a run ends that calls `exit` or `abort`; only the first sets an exit code. */
const EXITED = /^(Aborted\((native code called abort\(\))?\)|Program terminated with exit)/
const POINTER_BYTES = 4

type StackExport = (pointer?: number) => number | undefined

const exportOf = (core: Core, name: string): StackExport => {
  const found = core.asm[name]
  if (typeof found !== "function")
    throw new Error(`@ffmpeg/core has no export ${name}: is it version 0.12.10?`)
  return (pointer) => found(pointer)
}

const allocate = (core: Core, bytes: number): number => {
  const address = core._malloc(bytes)
  if (address === 0) throw new Error(`the core has no room for ${bytes} bytes`)
  return address
}

/** Gives the core its stack; the result puts the pointer back to the stack's top. */
const repairStack = (core: Core): (() => void) => {
  const [save, restore] = [exportOf(core, STACK_SAVE), exportOf(core, STACK_RESTORE)]
  const bottom = allocate(core, STACK_BYTES)
  const top = bottom + STACK_BYTES - ((bottom + STACK_BYTES) % STACK_ALIGNMENT)
  const reset = () => {
    restore(top)
  }
  reset()
  if (save() !== top)
    throw new Error("the stack pointer of @ffmpeg/core cannot be set: is it version 0.12.10?")
  return reset
}

/** Writes `argv` into memory that is used again for every run; its address. */
const argumentWriter = (core: Core) => {
  const address = allocate(core, ARGUMENT_BYTES)
  return (args: ReadonlyArray<string>): number => {
    const texts = args.map((arg) => new TextEncoder().encode(`${arg}\0`))
    const bytes = texts.reduce((sum, text) => sum + text.length, args.length * POINTER_BYTES)
    if (bytes > ARGUMENT_BYTES) throw new RangeError(`${bytes} bytes of arguments are too many`)
    const pointers = new DataView(core.HEAPU8.buffer, address, args.length * POINTER_BYTES)
    let at = address + args.length * POINTER_BYTES
    for (const [i, text] of texts.entries()) {
      pointers.setUint32(i * POINTER_BYTES, at, true)
      core.HEAPU8.set(text, at)
      at += text.length
    }
    return address
  }
}

/**
 * Makes an instance of the core fit for any number of runs: its stack is repaired, its arguments take no more memory with
 * every run, and files it leaves open are closed.
 *
 * @param afterRun called at the end of every run that did not crash
 */
export const repair = (core: Core, afterRun: () => void): void => {
  const resetStack = repairStack(core)
  const write = argumentWriter(core)
  const standardStreams = core.FS.streams.length

  const run = (main: (argc: number, argv: number) => number, args: ReadonlyArray<string>): number => {
    core.ret = -1
    try {
      main(args.length, write(args))
    } catch (error) {
      // What `exit` throws is no `Error`.
      if (!(error instanceof Object && "message" in error && EXITED.test(String(error.message)))) throw error
    } finally {
      resetStack()
    }
    for (const stream of core.FS.streams.slice(standardStreams)) if (stream) core.FS.close(stream)
    afterRun()
    return core.ret
  }
  core.exec = (...args) => run(core._ffmpeg, [...core.DEFAULT_ARGS, ...args])
  core.ffprobe = (...args) => run(core._ffprobe, [...core.DEFAULT_ARGS_FFPROBE, ...args])
}
