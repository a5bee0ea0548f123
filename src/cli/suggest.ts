/** Letters that have to be changed, put in, left out or swapped with their neighbour to turn one text into the other. */
const editDistance = (a: string, b: string): number => {
  let beforeLast: ReadonlyArray<number> = []
  let last: ReadonlyArray<number> = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1]
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + (isSame ? 0 : 1),
        isSwapped ? (beforeLast[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      )
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}

/** What is left of a name once case and dashes, which people mix up, do not count. Dashes of all lengths are dashes. */
const plainName = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[_\u2010-\u2015\u2212]/gu, "-")
    .replace(/^-+/u, "")

/** Whether each word of `short` begins a word of `long`, in order: `out-root` for `output-root`, `frames` for `max-frames`. */
const abbreviates = (short: string, long: string): boolean => {
  const words = long.split("-")
  return short.split("-").every((part) => {
    const at = words.findIndex((word) => part !== "" && word.startsWith(part))
    words.splice(0, at + 1)
    return at >= 0
  })
}

const mostNamed = 3

/**
 * The names that are most likely meant by one that does not exist: those that differ in case or dashes alone, else those that
 * it abbreviates, else those that differ in the fewest letters, one in three at most. Three names at most, the shortest
 * first; none if nothing is near.
 */
export const nearest = (name: string, names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const wanted = plainName(name)
  if (wanted === "") return []
  const compact = (text: string) => plainName(text).replaceAll("-", "")
  const shortestFirst = (found: ReadonlyArray<string>) =>
    found.toSorted((a, b) => a.length - b.length).slice(0, mostNamed)
  const same = names.filter((one) => compact(one) === compact(name))
  if (same.length > 0) return shortestFirst(same)
  const distances = names.map((one) => ({ one, distance: editDistance(wanted, plainName(one)) }))
  const least = Math.min(...distances.map(({ distance }) => distance))
  const isMisspelt = least <= Math.floor(wanted.length / 3)
  const misspelt = distances.filter(({ distance }) => distance === least).map(({ one }) => one)
  if (isMisspelt && least === 1) return shortestFirst(misspelt)
  const begins = (one: string) =>
    wanted.length === 1 ? plainName(one).startsWith(wanted) : abbreviates(wanted, plainName(one))
  const abbreviated = names.filter(begins)
  if (abbreviated.length > 0) return shortestFirst(abbreviated)
  return isMisspelt ? shortestFirst(misspelt) : []
}
