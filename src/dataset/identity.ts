import { open } from "node:fs/promises"
import { Effect } from "effect"
import { DatasetError } from "./store.ts"

const sampleBytes = 1 << 20

/**
 * What makes two video files the same video: size and SHA-256 over the first, middle and last MiB. Independent of path and
 * times, so that a moved or copied source is still recognised; constant time for files of any size.
 */
export const contentFingerprint = Effect.fn("Dataset.contentFingerprint")((file: string) =>
  Effect.tryPromise({
    try: async () => {
      const handle = await open(file, "r")
      try {
        const { size } = await handle.stat()
        const hash = new Bun.CryptoHasher("sha256").update(`${size}\n`)
        const starts = [0, Math.floor(size / 2 - sampleBytes / 2), size - sampleBytes]
        for (const start of new Set(starts.map((at) => Math.max(0, at)))) {
          const chunk = new Uint8Array(Math.min(sampleBytes, size))
          const { bytesRead } = await handle.read(chunk, 0, chunk.length, start)
          hash.update(chunk.subarray(0, bytesRead))
        }
        return hash.digest("hex")
      } finally {
        await handle.close()
      }
    },
    catch: (cause) =>
      new DatasetError({
        reason: "Unreadable",
        path: file,
        message: `cannot read ${file}: ${String(cause)}`,
        cause,
      }),
  }),
)
