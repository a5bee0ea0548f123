import type { ModelImage } from "./VisionModel.ts"

/** The bytes of a picture of a request, read from where it lies. */
export const pictureBytes = ({ path, offset = 0, bytes }: ModelImage): Promise<Uint8Array> =>
  Bun.file(path)
    .slice(offset, offset + bytes)
    .bytes()
