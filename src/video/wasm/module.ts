import wasmPath from "@ffmpeg/core/wasm" with { type: "file" }
import { collectAfter } from "../../picture/release.ts"

/** Size of the one build that is known: `@ffmpeg/core` 0.12.10. Others have other names for what is repaired in it. */
const KNOWN_BYTES = 32_232_419

const compile = async (): Promise<WebAssembly.Module> => {
  const file = Bun.file(wasmPath)
  if (file.size !== KNOWN_BYTES)
    throw new Error(`${wasmPath} has ${file.size} bytes: it is not that of @ffmpeg/core 0.12.10`)
  // As a stream it never lies in memory twice.
  const response = new Response(file, { headers: { "content-type": "application/wasm" } })
  const module = await WebAssembly.compileStreaming(response)
  // What was streamed is garbage now, nearly as much as the file.
  collectAfter(KNOWN_BYTES)
  return module
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
