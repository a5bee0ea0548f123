import { serveCore } from "../src/video/wasm/core-thread.ts"

// The thread in which an `FFmpeg` object runs its core. The stock worker asks where it is.
Object.assign(globalThis, { location: { href: import.meta.url } })
await serveCore()
