import { characters, strip } from "./unicode.ts"

const maxCharacters = 80

/**
 * File systems allow 255 bytes for a name, and `stepNN_` and `.mp4` belong to it too. 80 characters of up to three bytes fit
 * always, so that only letters beyond U+FFFF are ever cut here.
 */
const maxBytes = 244

const dropped = new RegExp(`[^${characters.word}${characters.space}\\-]`, "gv")
const gaps = new RegExp(`[${characters.space}\\-]+`, "gv")

const withoutTrailing = (text: string): string => {
  let end = text.length
  while (text[end - 1] === "_") end--
  return text.slice(0, end)
}

const cut = (text: string): string => {
  let kept = ""
  let bytes = 0
  let count = 0
  for (const character of text) {
    bytes += Buffer.byteLength(character)
    if (count++ === maxCharacters || bytes > maxBytes) return withoutTrailing(kept)
    kept += character
  }
  return text
}

/** The slug of `docs/reference/dataset.md`, "Terms", but empty if nothing is left. */
const reduced = (text: string): string =>
  cut(strip(text.replace(dropped, "")).toLowerCase().replace(gaps, "_"))

/**
 * The name of a thing as an identifier: its slug, or nothing if there is none. Applying it twice changes nothing: a combining
 * mark that lower-casing brings about (as for U+0130) is dropped too.
 */
export const identifier = (text: string): string => {
  const once = reduced(text)
  const twice = reduced(once)
  return twice === "unnamed" ? "" : twice
}

/**
 * The slug of a step goal, as used in folder and clip names (`docs/reference/dataset.md`, "Terms"): only letters, digits,
 * `_`, white space and `-` kept, white space stripped at both ends, lower-cased, every run of white space and `-` made one `_`; `unnamed` if
 * nothing is left. Longer ones are cut at 80 characters, and at 244 bytes of UTF-8, and lose a `_` at the end.
 */
export const slug = (stepGoal: string): string => reduced(stepGoal) || "unnamed"
