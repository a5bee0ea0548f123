import { printable } from "../text/printable.ts"

const plainWord = /^[\w@%+:,./-][\w@%+=:,./-]*$/u

const escaped = (text: string): string =>
  Array.from(new TextEncoder().encode(text), (byte) => {
    const isShown = byte >= 0x20 && byte < 0x7f && byte !== 0x27 && byte !== 0x5c
    return isShown ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`
  }).join("")

/** A word as a POSIX shell reads it back, what a terminal would act upon written as `$'\x1b'`. */
export const quoted = (word: string): string => {
  if (plainWord.test(word)) return word
  if (printable(word) !== word) return `$'${escaped(word)}'`
  return `'${word.replaceAll("'", "'\\''")}'`
}

/** Words as one command line that can be pasted. */
export const commandLine = (words: ReadonlyArray<string>): string => words.map(quoted).join(" ")
