/** Frees memory that is no longer needed, which the collector of garbage would leave lying for long. */
export const release = (bytes: Uint8Array<ArrayBuffer>): void => {
  bytes.buffer.transfer(0)
}
