/**
 * PTS from which a clip's end has to be re-encoded: before it, packets can be copied up to a place in the order of
 * decoding where everything before is shown before everything after. `endPts` or more if all can be copied;
 * `undefined` if there is no such place among the given packets.
 *
 * @param decodingOrder PTS of the packets from a key frame on, to beyond the end
 * @param endPts first PTS that is not wanted
 */
export const tailStart = (decodingOrder: ReadonlyArray<number>, endPts: number): number | undefined => {
  const beyond = decodingOrder.findIndex((pts) => pts >= endPts)
  const whole = beyond < 0 ? decodingOrder.length : beyond
  // Smallest PTS of the wanted packets from each place on.
  let least = Math.min(endPts, ...decodingOrder.slice(whole))
  const leastFrom = new Array<number>(whole + 1).fill(least)
  for (let at = whole - 1; at >= 0; at--) {
    least = Math.min(least, decodingOrder[at] ?? least)
    leastFrom[at] = least
  }
  const latestBefore = [Number.NEGATIVE_INFINITY]
  for (const pts of decodingOrder.slice(0, whole))
    latestBefore.push(Math.max(pts, latestBefore.at(-1) ?? Number.NEGATIVE_INFINITY))
  for (let place = whole; place > 0; place--) {
    const from = leastFrom[place] ?? endPts
    if ((latestBefore[place] ?? from) < from) return from
  }
  return undefined
}
