import wasmPath from "@ffmpeg/core/wasm" with { type: "file" }

/** Size of the one build that is known: `@ffmpeg/core` 0.12.10. Others have other names for what is repaired in it. */
const KNOWN_BYTES = 32_232_419

const compile = async (): Promise<WebAssembly.Module> => {
  const bytes = await Bun.file(wasmPath).bytes()
  if (bytes.length !== KNOWN_BYTES)
    throw new Error(`${wasmPath} has ${bytes.length} bytes: it is not that of @ffmpeg/core 0.12.10`)
  return WebAssembly.compile(bytes)
}

let compiled: Promise<WebAssembly.Module> | undefined

/**
 * The core's WebAssembly, compiled once for the process, which takes most of a second; every thread can use the result. A
 * failure is not remembered.
 */
export const compileCore = (): Promise<WebAssembly.Module> => {
  compiled ??= compile()
  compiled.catch(() => {
    compiled = undefined
  })
  return compiled
}
