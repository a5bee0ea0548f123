/** What is told of an entry of a pool or a window by its badge. */
interface Entry {
  readonly frame_index_1based: number
  /** Seconds on the source video's timeline. */
  readonly timestamp_sec: number
}

/** The badge of a moment, in two parts: its index, and its time in seconds. */
export const badgeOf = (index: number, seconds: number) =>
  [String(index).padStart(2, "0"), `${seconds.toFixed(2)}s`] as const

/** The badges of entries, in their order. */
export const badgesOf = (entries: ReadonlyArray<Entry>) =>
  entries.map(({ frame_index_1based, timestamp_sec }) => badgeOf(frame_index_1based, timestamp_sec))
