import { MOST_APART_SEC } from "../copied.ts"

/** One line of a `framecrc` list. */
export interface Listed {
  readonly seconds: number
  readonly pts: number
  /** Size and checksum of its data. */
  readonly content: string
}

/** Packets of a `framecrc` list, by stream: video first. */
export const listedPackets = ({
  stdout,
}: {
  readonly stdout: string
}): readonly [Array<Listed>, Array<Listed>] => {
  const timeBases = new Map<string, number>()
  const streams: readonly [Array<Listed>, Array<Listed>] = [[], []]
  for (const line of stdout.split("\n")) {
    const [, stream, num, den] = /^#tb (\d+): (\d+)\/(\d+)$/.exec(line) ?? []
    if (stream !== undefined) timeBases.set(stream, Number(num) / Number(den))
    if (line === "" || line.startsWith("#")) continue
    const [index = "0", , text, , ...content] = line.split(",").map((field) => field.trim())
    // A time that is not set is printed as the smallest 64-bit integer.
    const pts = Number.isSafeInteger(Number(text)) ? Number(text) : Number.NaN
    streams[index === "0" ? 0 : 1].push({
      pts,
      seconds: pts * (timeBases.get(index) ?? 0),
      content: content.slice(0, 2).join(),
    })
  }
  return streams
}

/** Whether two lists have the same pictures, the same time after the first of each. */
export const areAlike = (list: ReadonlyArray<Listed>, other: ReadonlyArray<Listed>): boolean =>
  list.length === other.length &&
  list.every(({ content, seconds }, i) => {
    const one = other[i]
    if (one === undefined || one.content !== content) return false
    const apart = seconds - (list[0]?.seconds ?? 0) - (one.seconds - (other[0]?.seconds ?? 0))
    return Math.abs(apart) <= MOST_APART_SEC
  })
