import { serve } from "../src/threads/serve.ts"

// A thread that runs libav in process. The library is loaded here and nowhere else: it is an optional dependency.
serve(async () => {
  const missing = (cause: unknown) =>
    new Error(
      `The libav bindings (node-av) do not load on this machine: ${cause instanceof Error ? cause.message : String(cause)}`,
    )
  const { handle } = await import("../src/video/libav/handle.ts").catch((cause: unknown) => {
    throw missing(cause)
  })
  return handle
})
