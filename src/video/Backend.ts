import type { Effect } from "effect"
import type { ClipCutter } from "./ClipCutter.ts"
import type { VideoDecoder } from "./VideoDecoder.ts"
import type { VideoError } from "./VideoError.ts"

/** What a backend does of a `VideoDecoder`. */
export type BackendDecoder = Pick<VideoDecoder["Type"], "probe" | "frames">

/** What a backend does of a `ClipCutter`. */
export type BackendCutter = Pick<ClipCutter["Type"], "cut" | "cutAll" | "decode">

/**
 * One way of reading videos, and perhaps of cutting them. Backends know nothing of each other: what one cannot do, and says so with
 * `Unsupported`, `BackendUnavailable` or another reason that may lie in it alone, the next in the list is asked for.
 */
export interface Backend {
  /** As `VideoSource.backend` and `CutResult.cutter` have it, and with them every record of a run. */
  readonly name: string
  /** Succeeds if it loads on this machine; else `BackendUnavailable`, `WorkerFailed` or alike, with the cause. */
  readonly available: Effect.Effect<void, VideoError>
  readonly decoder: BackendDecoder
  /** Absent if it only decodes. */
  readonly cutter?: BackendCutter
}

/** Backends in the order in which they are tried; at least one. */
export type Backends = readonly [Backend, ...ReadonlyArray<Backend>]
