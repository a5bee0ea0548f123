import { join } from "node:path/posix"
import { Effect, Either } from "effect"
import type { Segment } from "../records.ts"
import { localPath } from "../store.ts"
import { type Finding, finding, warning } from "./finding.ts"

/** Decodes a clip whole: how many frames came out, and how often something in it was found damaged. */
export type DecodeClip = (
  path: string,
) => Effect.Effect<{ readonly frames: number; readonly complaints: number }, { readonly message: string }>

/** Whether a clip holds what is recorded of it: all of its frames decode, the first and the last among them. */
export const decodingFindings = Effect.fn("Validate.decodeClip")(function* (
  root: string,
  file: string,
  { clip_frames: recorded }: Segment,
  decode: DecodeClip,
) {
  const decoded = yield* Effect.either(Effect.scoped(Effect.flatMap(localPath(join(root, file)), decode)))
  if (Either.isLeft(decoded))
    return [finding(file, `does not decode: ${decoded.left.message}`)] satisfies ReadonlyArray<Finding>
  const { complaints, frames } = decoded.right
  if (frames !== recorded)
    return [finding(file, `has ${frames} frames that decode, but ${recorded} are recorded (clip_frames)`)]
  return complaints === 0
    ? []
    : [warning(file, `decodes with errors in ${complaints} place${complaints === 1 ? "" : "s"}`)]
})
