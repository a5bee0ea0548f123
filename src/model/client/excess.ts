import type { ModelFamily } from "../families.ts"
import { ModelError, type ModelRequest } from "../VisionModel.ts"

const tooLarge = (message: string) =>
  new ModelError({ reason: "Rejected", rejection: "too_large", message: `nothing was sent: ${message}` })

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

/** What of a request is more than the model's family takes, and the way out; undefined if nothing is. */
export const excessOf = (
  { images }: ModelRequest,
  bodyBytes: number,
  { max_images: most, max_body_bytes: longest }: ModelFamily,
): ModelError | undefined => {
  if (most !== undefined && images.length > most)
    return tooLarge(
      `the model takes at most ${most} images in a request, and this one has ${images.length}; choose --max-frames ${most} or fewer`,
    )
  if (longest !== undefined && bodyBytes > longest)
    return tooLarge(
      `the model takes requests of at most ${megabytes(longest)}, and this one has ${megabytes(bodyBytes)}; choose fewer --max-frames`,
    )
  return undefined
}
