import type { KeyPacket } from "../bitstream/key-packet.ts"
import type { Target } from "./frame.ts"
import { keyframeIndex } from "./sampling.ts"
import type { VideoSource } from "./VideoDecoder.ts"

/** Targets that are decoded by one request: neighbours, and never a part of a group of pictures. */
export interface TargetGroup {
  readonly targets: ReadonlyArray<Target>
  /** Key frames that matter for them, and some before. */
  readonly keyframes: ReadonlyArray<KeyPacket>
}

/**
 * Groups for each worker: enough that none waits long for the last one, few enough that opening the file is no burden. A
 * quarter of them for key frames, which take little else.
 */
const GROUPS_PER_WORKER = 8
/** Targets a group has at most, unless one group of pictures holds more; as many as wait for a consumer. */
export const MOST_TARGETS = 8
/** Key frames before a group, for decoding that has to begin earlier because of damage. */
const KEYFRAMES_BEFORE = 9

/**
 * Splits targets over workers. One group if there is one worker, or if the times of packets are not to be trusted, so that
 * decoding has to begin at the start of the file.
 */
export const splitTargets = (
  source: VideoSource,
  targets: ReadonlyArray<Target>,
  workers: number,
): ReadonlyArray<TargetGroup> => {
  if (targets.length === 0) return []
  const { keyframes = [] } = source
  if (source.indexedBy !== "packets" || keyframes.length < 2) return [{ targets, keyframes }]
  const keys = new Set(keyframes.map(({ pts }) => pts))
  const perWorker = targets.every(({ pts }) => keys.has(pts)) ? GROUPS_PER_WORKER / 4 : GROUPS_PER_WORKER
  const size = Math.max(1, Math.min(MOST_TARGETS, Math.ceil(targets.length / (workers * perWorker))))
  const groups: Array<{ targets: Array<Target>; firstKey: number; lastKey: number }> = []
  for (const target of targets) {
    const key = keyframeIndex(keyframes, target.pts)
    const last = groups.at(-1)
    if (last === undefined || (last.targets.length >= size && last.lastKey !== key))
      groups.push({ targets: [target], firstKey: key, lastKey: key })
    else {
      last.targets.push(target)
      last.lastKey = key
    }
  }
  return groups.map(({ firstKey, lastKey, targets: own }) => ({
    targets: own,
    keyframes: keyframes.slice(Math.max(0, firstKey - KEYFRAMES_BEFORE), lastKey + 1),
  }))
}
