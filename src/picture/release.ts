/** Less garbage is not worth the time. */
const MUCH_BYTES = 4e6

/** Collects garbage where much of it was made: left alone, a thread that is seldom idle would keep it for long. */
export const collectAfter = (bytes: number): void => {
  if (bytes > MUCH_BYTES) Bun.gc(true)
}

/** Frees memory that is no longer needed, which the collector of garbage would leave lying for long. */
export const release = (bytes: Uint8Array<ArrayBuffer>): void => {
  bytes.buffer.transfer(0)
}
