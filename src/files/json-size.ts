/** How deep and how large the JSON in a text is, told without reading it. */
export interface JsonSize {
  /** The most lists and objects that are open at one place. */
  readonly depth: number
  /** Upper bound on the number of values, keys not counted. */
  readonly values: number
}

const code = (character: string): number => character.charCodeAt(0)

/** UTF-16 code units of JSON's signs. */
export const sign = {
  quote: code('"'),
  escape: code("\\"),
  comma: code(","),
  openObject: code("{"),
  closeObject: code("}"),
  openList: code("["),
  closeList: code("]"),
} as const

/** Measures a JSON text in one pass; strings are skipped. A text that is no JSON is measured as if it were. */
export const jsonSize = (text: string): JsonSize => {
  let open = 0
  let depth = 0
  let values = 1
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (inString) {
      if (c === sign.escape) i++
      else if (c === sign.quote) inString = false
    } else if (c === sign.quote) inString = true
    else if (c === sign.openObject || c === sign.openList) {
      values++
      depth = Math.max(depth, ++open)
    } else if (c === sign.closeObject || c === sign.closeList) open--
    else if (c === sign.comma) values++
  }
  return { depth, values }
}
