import { serve } from "../src/threads/serve.ts"

// A thread that drives ffmpeg in WebAssembly, which runs in a thread of its own (`ffmpeg-core.ts`).
serve(async () => {
  const { makeHandler } = await import("../src/video/wasm/handle.ts")
  return makeHandler()
})
