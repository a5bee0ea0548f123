import { expect, test } from "bun:test"
import { join } from "node:path"

/** Frees every second of many blocks, so that the allocator cannot shrink by itself, and prints the memory held before and after. */
const program = `
import { dlopen, FFIType } from "bun:ffi"
import { giveBackFreed } from ${JSON.stringify(join(import.meta.dir, "../../src/video/libav/trim.ts"))}
const { malloc, free, memset } = dlopen("libc.so.6", {
  malloc: { args: [FFIType.u64], returns: FFIType.ptr },
  free: { args: [FFIType.ptr], returns: FFIType.void },
  memset: { args: [FFIType.ptr, FFIType.i32, FFIType.u64], returns: FFIType.ptr },
}).symbols
const blocks = Array.from({ length: 10_000 }, () => malloc(100_000))
for (const block of blocks) memset(block, 1, 100_000)
for (const [i, block] of blocks.entries()) if (i % 2 === 0) free(block)
const before = process.memoryUsage.rss()
giveBackFreed()
console.log(JSON.stringify([before, process.memoryUsage.rss()]))
`

test.skipIf(process.platform !== "linux")(
  "freed memory that lies between blocks in use goes back to the system",
  () => {
    const run = Bun.spawnSync([process.execPath, "-e", program])
    const [before = 0, after = 0]: ReadonlyArray<number> = JSON.parse(run.stdout.toString())
    expect(before).toBeGreaterThan(900e6)
    expect(before - after).toBeGreaterThan(300e6)
  },
)
