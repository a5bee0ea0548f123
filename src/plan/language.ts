import { Option } from "effect"

const names = new Intl.DisplayNames(["en"], { type: "language", fallback: "none" })

/**
 * The BCP 47 tag of a language in its canonical form: `zh-hans` is `zh-Hans`. None if it is no tag, or of a language without a
 * name, which a model could not know.
 */
export const languageTag = (text: string): Option.Option<string> => {
  try {
    const [tag] = Intl.getCanonicalLocales(text.trim())
    return tag === undefined || names.of(tag) === undefined ? Option.none() : Option.some(tag)
  } catch {
    // A RangeError is how it says that this is no tag.
    return Option.none()
  }
}

/** What a language is called in English, as prompts name it: `zh-Hans` is `Simplified Chinese`. */
export const languageName = (tag: string): string => names.of(tag) ?? tag
