import { chineseFrameReferences, chinesePlaceholders, chineseTimeReferences } from "./chinese-text-rules.ts"
import { type Problem, problem, quoted } from "./problem.ts"
import { characters, strip } from "./unicode.ts"

const { word, space, digit } = characters

const placeholders = new Set([
  "n/a",
  "na",
  "none",
  "null",
  "unknown",
  "unspecified",
  "tbd",
  "todo",
  "-",
  "...",
])

const runsOfSpace = new RegExp(`${space}+`, "gv")

/** The text with every run of white space as one blank and none at its ends. */
export const collapsed = (text: string): string => strip(text).replace(runsOfSpace, " ")

const longestPlaceholder = Math.max(...[...placeholders].map(({ length }) => length))

/** True for text that only fills a field: `unknown`, `N/A`, `none`, `-`, `...` and their like. */
export const isPlaceholder = (text: string): boolean => {
  const bare = strip(text)
  return bare.length <= longestPlaceholder && placeholders.has(collapsed(bare).toLowerCase())
}

/** Letters that are the same but for their case to Python's `re` and are not the pair of one another. */
const alsoMeant: Readonly<Record<string, string>> = { i: "\u0130\u0131", k: "\u212a", s: "\u017f" }

const anyCase = (words: string): string =>
  words.replaceAll(/[a-z]/gu, (letter) => `[${letter}${letter.toUpperCase()}${alsoMeant[letter] ?? ""}]`)

const number = `${digit}+(?:\\.${digit}+)?`
const picture = anyCase("(?:frame|image|img|picture)")
const ordinal = anyCase(
  "(?:initial|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last|final|beginning|ending)",
)
const unit = anyCase("(?:seconds|second|secs|sec|s|msec|ms|milliseconds|millisecond)")

/** Whole words only: neither begun nor continued by a word character. */
const whole = (source: string): RegExp => new RegExp(`(?<!${word})(?:${source})(?!${word})`, "v")

/** Numbers and ordinals of pictures: `Frame 12`, `image3`, `the last picture`. */
const frameReferences = [whole(`${picture}${space}*${digit}+`), whole(`${ordinal}${space}+${picture}`)]

/** Times: `3.2s`, `12 seconds`, `00:03`, `t=5 sec`. Durations count too: they are not visible. */
const timeReferences = [
  whole(`${anyCase("t")}${space}*=${space}*${number}${space}*${unit}`),
  whole(`${number}${space}*${unit}`),
  whole(`${digit}{1,2}:${digit}{2}(?::${digit}{2}(?:\\.${digit}+)?)?`),
]

const matchOf = (patterns: ReadonlyArray<RegExp>, text: string): string | undefined => {
  for (const pattern of patterns) {
    const found = pattern.exec(text)
    if (found !== null) return found[0]
  }
  return undefined
}

/** The reference to a picture by number or order that a text holds, if any. */
export const frameReference = (text: string): string | undefined => matchOf(frameReferences, text)

/** The time or duration that a text holds, if any. */
export const timeReference = (text: string): string | undefined => matchOf(timeReferences, text)

/** Whether a text breaks any rule that holds for every text. */
export const breaksTextRule = (text: string): boolean =>
  isPlaceholder(text) || frameReference(text) !== undefined || timeReference(text) !== undefined

/** What the rules for texts name in a language beside English; names and signs in English occur in all of them. */
interface LanguageWords {
  readonly placeholders: ReadonlySet<string>
  readonly frames: ReadonlyArray<RegExp>
  readonly times: ReadonlyArray<RegExp>
}

const noWords: LanguageWords = { placeholders: new Set(), frames: [], times: [] }

/** By the first part of a BCP 47 tag. */
const wordsByLanguage: Readonly<Record<string, LanguageWords>> = {
  zh: {
    placeholders: chinesePlaceholders,
    frames: chineseFrameReferences,
    times: chineseTimeReferences,
  },
}

const wordsOf = (language: string | undefined): LanguageWords =>
  wordsByLanguage[language?.split("-")[0] ?? ""] ?? noWords

/**
 * The rules that hold for every text of a reply, whatever its field.
 *
 * @param language BCP 47 tag of the language of the texts; English if absent
 */
export const textProblems = (path: string, text: string, language?: string): ReadonlyArray<Problem> => {
  const words = wordsOf(language)
  if (isPlaceholder(text) || words.placeholders.has(strip(text).replace(/。$/u, ""))) {
    return [
      problem(
        path,
        "placeholder_text",
        `${quoted(strip(text))} is placeholder text; describe what is visible instead`,
      ),
    ]
  }
  const frame = frameReference(text) ?? matchOf(words.frames, text)
  const time = timeReference(text) ?? matchOf(words.times, text)
  return [
    ...(frame === undefined
      ? []
      : [
          problem(
            path,
            "frame_reference",
            `${quoted(frame)} refers to a frame or image; describe the scene itself instead`,
          ),
        ]),
    ...(time === undefined
      ? []
      : [
          problem(
            path,
            "time_reference",
            `${quoted(time)} refers to a time; describe the state or event instead`,
          ),
        ]),
  ]
}

/** A text of more characters than this is a model that repeats itself; the longest that were seen have some 2,000. */
const longestText = 20_000

/** The texts of a JSON value, at any depth, that are too long to be looked at. */
export const tooLongTexts = (value: unknown, path = "$"): ReadonlyArray<Problem> => {
  if (typeof value === "string") {
    return value.length <= longestText
      ? []
      : [problem(path, "too_large", `has ${value.length} characters; at most ${longestText} are read`)]
  }
  if (Array.isArray(value)) return value.flatMap((item, i) => tooLongTexts(item, `${path}[${i}]`))
  if (typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([key, item]) => tooLongTexts(item, `${path}.${key}`))
}

/** Applies `textProblems` to every string in a JSON value, at any depth. */
export const textProblemsWithin = (value: unknown, language?: string, path = "$"): ReadonlyArray<Problem> => {
  if (typeof value === "string") return strip(value) === "" ? [] : textProblems(path, value, language)
  if (Array.isArray(value))
    return value.flatMap((item, i) => textProblemsWithin(item, language, `${path}[${i}]`))
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).flatMap(([key, item]) =>
      textProblemsWithin(item, language, `${path}.${key}`),
    )
  }
  return []
}
