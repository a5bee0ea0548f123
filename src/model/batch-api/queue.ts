import type { FileLimits } from "./input-file.ts"
import type { BatchState } from "./record.ts"

/** What is known of a service's queue, which takes only so much at a time. */
export interface Queue {
  /** What a file may hold: less than the limits where a file alone was more than the queue takes. */
  readonly limits: () => FileLimits
  /** Whether something may be submitted beside so many batches that are under way. */
  readonly isOpen: (underWay: number) => boolean
  /** Learns from a batch, in the order in which they were begun or have ended. */
  readonly learn: (state: BatchState) => void
}

export const makeQueue = (limits: FileLimits): Queue => {
  let isFull = false
  let { maxRequests } = limits
  return {
    limits: () => ({ ...limits, maxRequests }),
    isOpen: (underWay) => !isFull || underWay === 0,
    learn: ({ queue_full, requests }) => {
      isFull = queue_full !== undefined
      if (queue_full === "alone") maxRequests = Math.max(1, Math.min(maxRequests, Math.floor(requests / 2)))
    },
  }
}
