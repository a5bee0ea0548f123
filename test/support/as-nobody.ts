// The program without the rights of root, which no permission stops.
if (process.getuid?.() === 0) {
  process.setgid?.(65534)
  process.setuid?.(65534)
}
await import("../../src/main.ts")

export {}
