/** One replacement in the text of one file. Offsets count UTF-16 code units, `[start, end)`. */
export interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** One small change of the program's meaning. */
export interface Mutant extends Edit {
  /** Path from the project's root. */
  readonly file: string
  /** From 1: where the change begins. */
  readonly line: number
  /** The kind of change, as in `operators.ts`. */
  readonly operator: string
  /** The lines that the change touches, as they are, in one line. */
  readonly before: string
  /** The same lines with the change. */
  readonly after: string
}

export const withEdit = (source: string, { start, end, text }: Edit): string =>
  source.slice(0, start) + text + source.slice(end)

const inOneLine = (text: string): string => text.replaceAll(/\s+/gu, " ").trim()

/** A mutant of `source` from an edit of it. */
export const mutantOf = (file: string, source: string, operator: string, edit: Edit): Mutant => {
  const from = source.lastIndexOf("\n", edit.start - 1) + 1
  const newLine = source.indexOf("\n", edit.end)
  const to = newLine === -1 ? source.length : newLine
  return {
    ...edit,
    file,
    line: source.slice(0, edit.start).split("\n").length,
    operator,
    before: inOneLine(source.slice(from, to)),
    after: inOneLine(source.slice(from, edit.start) + edit.text + source.slice(edit.end, to)),
  }
}
