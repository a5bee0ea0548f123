import { videoId } from "../output-root/video-id.ts"
import { sha256 } from "../plan/fingerprint.ts"

/** One of several parts of the input. `index` is 1-based, 1 to `of`. */
export interface Shard {
  readonly index: number
  readonly of: number
}

const digits = 12

/**
 * The part a video belongs to, by its id alone: machines that see different lists, or the same one at different times,
 * agree on it.
 */
export const shardOf = (file: string, of: number, idBase?: string): number =>
  1 + (Number.parseInt(sha256(videoId(file, idBase)).slice(0, digits), 16) % of)

/** What of the input a run works on. */
export interface Selection {
  readonly shard?: Shard
  /** Ids of videos that failed before; only they are taken, and what is `refused`. */
  readonly failed?: ReadonlySet<string>
  /** Files and folders, which end in `/`, that could not be worked on before. */
  readonly refused?: ReadonlyArray<string>
  /** Videos at most, the first ones. */
  readonly limit?: number
  /** As `RunSettings.idBase`. */
  readonly idBase?: string
}

/** The videos of a run, in the order given: first by shard, then by what failed, then up to the limit. */
export const select = (
  files: ReadonlyArray<string>,
  { shard, failed, idBase, limit, refused = [] }: Selection,
): ReadonlyArray<string> =>
  files
    .filter((file) => shard === undefined || shardOf(file, shard.of, idBase) === shard.index)
    .filter(
      (file) =>
        failed === undefined ||
        failed.has(videoId(file, idBase)) ||
        refused.some((path) => file === path || (path.endsWith("/") && file.startsWith(path))),
    )
    .slice(0, limit)
