import type { WorkerIo } from "./serve.ts"

/** Sends a worker's pictures. */
export interface Sender {
  /** Resolves once there is room for another: soon, while few are being encoded. */
  readonly send: (wantedPts: number, pts: number, picture: Promise<Uint8Array<ArrayBuffer>>) => Promise<void>
  /** Resolves once all are sent. */
  readonly finish: () => Promise<void>
}

/**
 * Sends pictures in order while those after them are still being encoded.
 *
 * @param ahead pictures that are encoded while the decoder goes on
 */
export const makeSender = (io: WorkerIo, ahead: number): Sender => {
  const encoding: Array<() => Promise<void>> = []
  const sendOldest = () => encoding.shift()?.()
  const send: Sender["send"] = async (wantedPts, pts, picture) => {
    // Whoever awaits it sees the failure; until then it is not unhandled.
    picture.catch(() => {})
    encoding.push(async () => {
      const data = await picture
      io.emit({ wantedPts, pts, data }, [data.buffer])
    })
    if (encoding.length > ahead) await sendOldest()
  }
  const finish = async () => {
    while (encoding.length > 0) await sendOldest()
  }
  return { send, finish }
}
