import { VideoFailure } from "./VideoFailure.ts"

/** A file as a probe found it. */
interface ProbedFile {
  readonly file: string
  readonly sizeBytes: number
}

/** Throws `DecodeFailed` for a file that has another size now than when it was probed. */
export const requireSameSize = ({ file, sizeBytes }: ProbedFile, sizeNow: number): void => {
  if (sizeNow === sizeBytes) return
  throw new VideoFailure(
    "DecodeFailed",
    `${file} has ${sizeNow} bytes, but had ${sizeBytes} when it was probed: was it replaced?`,
  )
}
