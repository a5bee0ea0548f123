/** Columns that a text takes on a terminal: Chinese characters take two. */
export const widthOf = (text: string): number => Bun.stringWidth(text)

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" })

const graphemes = (text: string): ReadonlyArray<string> =>
  Array.from(segmenter.segment(text), ({ segment }) => segment)

/** As many characters from the front as fit. */
const leading = (characters: ReadonlyArray<string>, columns: number): ReadonlyArray<string> => {
  let used = 0
  const end = characters.findIndex((character) => {
    used += widthOf(character)
    return used > columns
  })
  return end < 0 ? characters : characters.slice(0, end)
}

/** The beginning of a text, in at most `columns` columns; an ellipsis says that something is missing. */
export const clip = (text: string, columns: number): string => {
  if (widthOf(text) <= columns) return text
  return columns < 1 ? "" : `${leading(graphemes(text), columns - 1).join("")}…`
}

/** Rows that a line takes on a terminal of `columns` columns that breaks it wherever it is full. */
export const rowsOf = (text: string, columns: number): number => {
  let rows = 1
  let used = 0
  for (const character of graphemes(text)) {
    const width = widthOf(character)
    if (used + width > columns) {
      rows++
      used = 0
    }
    used += width
  }
  return rows
}

/** A text with blanks up to `columns` columns. */
export const padded = (text: string, columns: number): string =>
  text + " ".repeat(Math.max(0, columns - widthOf(text)))

/** A text in exactly `columns` columns. Of a longer one the middle is left out: names often differ at their ends. */
export const fit = (text: string, columns: number): string => {
  if (widthOf(text) <= columns) return padded(text, columns)
  const characters = graphemes(text)
  const tailColumns = Math.max(0, Math.floor((columns - 1) / 2))
  const tail = leading(characters.toReversed(), tailColumns).toReversed().join("")
  const head = leading(characters, columns - 1 - tailColumns).join("")
  return padded(columns < 1 ? "" : `${head}…${tail}`, columns)
}

const gap = "  "

/** Puts items side by side into as few lines of `columns` columns as they need, in order. */
export const flow = (items: ReadonlyArray<string>, columns: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const item of items.filter((text) => text !== "")) {
    const last = lines.at(-1)
    if (last !== undefined && widthOf(last) + gap.length + widthOf(item) <= columns)
      lines[lines.length - 1] = `${last}${gap}${item}`
    else lines.push(clip(item, columns))
  }
  return lines
}
