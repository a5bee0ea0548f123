/** The decoders that there are on this machine. */
export const decodersHere = [
  "native",
  "wasm",
  ...(Bun.which("ffmpeg") === null ? [] : (["ffmpeg"] as const)),
] as const
