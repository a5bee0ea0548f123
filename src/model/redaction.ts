/** Takes secrets out of a text. */
export type Redact = (text: string) => string

export interface Redaction {
  /** For what services, proxies and the network say beside an answer: errors, headers, names. */
  readonly message: Redact
  /**
   * For the text of answers, which become data. Secrets of fewer than four characters stay: they are part of ordinary
   * words, and so short a secret keeps nobody out.
   */
  readonly answer: Redact
}

const replacement = "[redacted]"
/** From this length on a secret is taken out wherever it stands; a shorter one only where it stands alone. */
const longSecret = 8
const shortestInAnswers = 4
/** The shortest piece of Base64 that can be told from ordinary text. */
const shortestBase64 = 10

/** What people put for a key where none is needed. They are words of ordinary text, and keep nobody out. */
const placeholders = new Set([
  "none",
  "null",
  "empty",
  "dummy",
  "test",
  "no-key",
  "not-needed",
  "key",
  "token",
])

const entities: Readonly<Record<string, string>> = {
  '"': "quot",
  "&": "amp",
  "<": "lt",
  ">": "gt",
  "'": "apos",
}

const hex = (code: number, digits: number): string => code.toString(16).padStart(digits, "0")

/** The ways in which texts write one character: itself, escaped as in JSON (also twice) or Python, in a URL (also twice), in HTML. */
const formsOf = (character: string, index: number): string => {
  const code = character.codePointAt(0) ?? 0
  const units = Array.from({ length: character.length }, (_, i) => character.charCodeAt(i))
  const bytes = [...Buffer.from(character)]
  const backslash = index === 0 ? "\\\\" : "\\\\{1,4}"
  const entity = entities[character]
  return `(?:${[
    // Of backslashes before the secret all but one are not part of it; to look for them at every place would cost much.
    ...(character === "\\" && index > 0
      ? // Of a backslash before a quote that is escaped itself nothing is taken.
        ["\\\\{4}", "\\\\{2}", "\\\\"]
      : [`${index === 0 ? "" : "\\\\{0,4}"}\\u{${hex(code, 1)}}`]),
    bytes.map((byte) => `%(?:25)?${hex(byte, 2)}`).join(""),
    bytes.map((byte) => `${backslash}x${hex(byte, 2)}`).join(""),
    units.map((unit) => `${backslash}u${hex(unit, 4)}`).join(""),
    `&#0{0,4}${code};`,
    `&#x0{0,4}${hex(code, 1)};`,
    ...(entity === undefined ? [] : [`&(?:amp;)?${entity};`]),
    ...(character === " " ? ["\\+"] : []),
  ].join("|")})`
}

/** How Base64 writes its two signs: as they are, in its form for URLs, escaped in a URL, or in JSON. */
const base64Signs: Readonly<Record<string, string>> = {
  "+": "(?:[-+]|%(?:25)?2b|\\\\u002b)",
  "/": "(?:[_/]|%(?:25)?2f|\\\\{1,2}/|\\\\u002f)",
}

/** The part of a secret's Base64 that is the same whatever stands before and after it, for each of the three alignments. */
const base64FormsOf = (secret: string): ReadonlyArray<string> =>
  [0, 1, 2].flatMap((shift) => {
    const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(secret)])
    const core = bytes
      .toString("base64")
      .slice(Math.ceil((shift * 8) / 6), Math.floor((bytes.length * 8) / 6))
    if (core.length < shortestBase64) return []
    return [core.replaceAll(/[+/]/gu, (sign) => base64Signs[sign] ?? sign)]
  })

/** A secret's bytes in hexadecimal, as dumps have them: in one piece, or with blanks or colons between. */
const hexForm = (secret: string): string => [...Buffer.from(secret)].map((byte) => hex(byte, 2)).join("[ :]?")

/** A secret as it was given, without blanks around it, and without quotes around it. */
const variantsOf = (secret: string): ReadonlyArray<string> => {
  const trimmed = secret.trim()
  const bare = trimmed.replace(/^(["'`])(.+)\1$/u, "$2")
  return [trimmed, bare]
}

const patternOf = (secret: string): string => {
  const plain = [...secret].map(formsOf).join("")
  return secret.length < longSecret
    ? `(?<![\\p{L}\\p{N}])${plain}(?![\\p{L}\\p{N}])`
    : [plain, ...base64FormsOf(secret), hexForm(secret)].join("|")
}

const redactAll = (secrets: ReadonlyArray<string>): Redact => {
  if (secrets.length === 0) return (text) => text
  const pattern = new RegExp(secrets.map(patternOf).join("|"), "giu")
  return (text) => text.replace(pattern, replacement)
}

/** What is looked for, the longest first. */
const foundOf = (secrets: ReadonlyArray<string>): ReadonlyArray<string> =>
  [...new Set(secrets.flatMap(variantsOf))]
    .filter((secret) => secret !== "" && !placeholders.has(secret.toLowerCase()))
    .toSorted((a, b) => b.length - a.length)

/**
 * Takes secrets out of texts, in whatever way they are written there. Each is found with blanks or quotes around it gone,
 * escaped as in JSON, URLs and HTML, in upper and lower case, in hexadecimal, and within Base64. Linear in the length of the text.
 *
 * @param privateWords are taken out of messages only: they may be ordinary words of answers
 */
export const makeRedaction = (
  secrets: ReadonlyArray<string>,
  privateWords: ReadonlyArray<string> = [],
): Redaction => ({
  message: redactAll(foundOf([...secrets, ...privateWords])),
  answer: redactAll(foundOf(secrets).filter(({ length }) => length >= shortestInAnswers)),
})
