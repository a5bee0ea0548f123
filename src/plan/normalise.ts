import { type Problem, problem } from "./problem.ts"
import { fieldOf } from "./shape.ts"
import { identifier } from "./slug.ts"
import { characters, strip } from "./unicode.ts"

/** Takes note of a rewritten field: its path and what was done, as a sentence without a subject. */
export type Note = (path: string, message: string) => void

/** A reply in which what has one meaning is written in the one way of the dataset, and what was rewritten. */
export interface Normalised {
  readonly value: unknown
  readonly notes: ReadonlyArray<Problem>
}

/**
 * Rewrites the value of a field and takes note of it. Nothing happens if the field is absent or its value stays the same.
 *
 * @param parent a part of a reply that may be changed; no object if the reply is broken there
 */
export const rewrite = (
  parent: unknown,
  key: string,
  change: (value: unknown) => unknown,
  done: () => void = () => undefined,
): void => {
  const before = fieldOf(parent, key)
  if (before === undefined || typeof parent !== "object" || parent === null) return
  const after = change(before)
  if (after === before) return
  Reflect.set(parent, key, after)
  done()
}

const controls = /[\p{Cc}--[\t\n]]/gv

const byteOrderMark = "\uFEFF"

const cleanText = (text: string): string =>
  text.toWellFormed().replace(/\r\n?/gu, "\n").replace(controls, " ").replaceAll(byteOrderMark, "")

/**
 * A copy of a JSON value in which every text can be stored and shown anywhere: control characters are blanks, line breaks are
 * `\n`, halves of surrogate pairs are U+FFFD, byte order marks are gone. Keys stay as they are; the format has none that need it.
 */
const cleaned = (value: unknown, path: string, note: Note): unknown => {
  if (typeof value === "string") {
    const clean = cleanText(value)
    if (clean.replaceAll("\n", "") !== value.replaceAll(/[\r\n]/gu, ""))
      note(path, "has control characters or halves of characters, which were replaced")
    return clean
  }
  if (Array.isArray(value)) return value.map((item, i) => cleaned(item, `${path}[${i}]`, note))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, cleaned(item, `${path}.${key}`, note)]),
  )
}

/** Copies a reply with clean texts, lets `change` rewrite the copy, and gives it with all that was noted. */
export const normalised = (input: unknown, change: (copy: unknown, note: Note) => void): Normalised => {
  const notes: Array<Problem> = []
  const note: Note = (path, message) => notes.push(problem(path, "normalised", message))
  const value = cleaned(input, "$", note)
  change(value, note)
  return { value, notes }
}

const ends = /^["'`.,;:!?]+|["'`.,;:!?]+$/gu
const wordsOnly = new RegExp(`^[${characters.word}${characters.space}\\-]+$`, "v")

/**
 * A snake_case token from what stands for one: `On top-of.` is `on_top_of`. Other signs, such as parentheses, may mean
 * anything; then the text stays as it is.
 */
const tokenOf = (value: unknown): unknown => {
  if (typeof value !== "string") return value
  const bare = strip(strip(value).replace(ends, ""))
  if (!wordsOnly.test(bare)) return value
  const token = identifier(bare)
    .split("_")
    .filter((part) => part !== "")
    .join("_")
  return token === "" ? value : token
}

/** Makes a field that has to be a token one, if it can be read as one. */
export const rewriteToken = (parent: unknown, key: string, path: string, note: Note): void =>
  rewrite(parent, key, tokenOf, () => note(`${path}.${key}`, "was written as a snake_case token"))
