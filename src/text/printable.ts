import { markupText } from "./markup.ts"

// Texts from models, services, file names and tampered folders may hold characters that a terminal acts upon, or that make a
// line read otherwise than it is. They are shown as escapes wherever text leaves the program; nothing else strips them.

/**
 * Control characters (C0, C1, DEL), separators of lines and paragraphs, lone surrogates, marks that turn the direction of
 * writing, and characters without width that join or divide nothing.
 */
const active =
  /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}\u00ad\u180e\u200b\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb\u{e0001}]/gu
/** The same but for the line break and the tabulator, which texts of several lines are made of. */
const activeInLines =
  /[^\P{Cc}\n\t]|[\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}\u00ad\u180e\u200b\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb\u{e0001}]/gu

const short: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }

const hex = (unit: number): string => `\\u${unit.toString(16).padStart(4, "0")}`

/** `\u001b`: the escape that JSON has for a character, one for each of its 16-bit units. */
const jsonEscape = (character: string): string =>
  Array.from({ length: character.length }, (_, i) => hex(character.charCodeAt(i))).join("")

/** One line without anything a terminal would act upon: what would be is written as `\n`, `\u001b` and so on. */
export const printable = (text: string): string =>
  text.replaceAll(active, (character) => short[character] ?? jsonEscape(character))

/** The same for a text of several lines. */
export const printableLines = (text: string): string => text.replaceAll(activeInLines, jsonEscape)

/** JSON that means the same and holds nothing a terminal would act upon: inside of strings, any character may be escaped. */
export const printableJson = (json: string): string => json.replaceAll(activeInLines, jsonEscape)

/**
 * Text for a cell or a line of Markdown that shows what is in it, whatever that is: no markup, no link, no HTML. Entities and
 * not backslashes for what HTML is made of, for readers of Markdown that take either for the other.
 */
export const markdownText = (text: string): string =>
  markupText(
    printable(text).replaceAll(
      /[\\`*_{}[\]()|#!~@$]|:(?=\/\/)|(?<=\bwww)\./giu,
      (character) => `\\${character}`,
    ),
  )
