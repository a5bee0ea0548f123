/** A number with thousands separated: `12,345`. */
export const count = (value: number): string => value.toLocaleString("en-US")

const compactFormat = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 })

/** A large number in few characters: `950`, `12.3K`, `1.24M`. */
export const compact = (value: number): string => compactFormat.format(value)

/** Seconds as a person says them, two units at most: `42 s`, `17 min`, `5 h 12 min`, `3 d 4 h`. Rounded up. */
export const duration = (seconds: number): string => {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  const minutes = Math.ceil(seconds / 60)
  if (minutes < 90) return `${minutes} min`
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
  const hours = Math.ceil(minutes / 60)
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** US dollars, with more decimals where two would show nothing. */
export const dollars = (value: number): string => `$${value.toFixed(value === 0 || value >= 0.1 ? 2 : 4)}`

/** `1 video`, `3 videos`. */
export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`
