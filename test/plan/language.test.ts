import { describe, expect, test } from "bun:test"
import { Option } from "effect"
import { languageName, languageTag } from "../../src/plan/language.ts"

describe("the tag of a language", () => {
  test.each([
    ["zh", "zh", "Chinese"],
    ["zh-hans", "zh-Hans", "Simplified Chinese"],
    [" pt-br ", "pt-BR", "Brazilian Portuguese"],
    ["EN", "en", "English"],
    ["de-CH", "de-CH", "Swiss High German"],
  ])("%p is %s, %s", (text, tag, name) => {
    expect(languageTag(text)).toEqual(Option.some(tag))
    expect(languageName(tag)).toBe(name)
  })

  test.each(["", "Chinese", "zz", "qqq", "en_US", "zh-", "{{x}}", "中文", "a", "x-mine"])(
    "%p is none",
    (text) => {
      expect(languageTag(text)).toEqual(Option.none())
    },
  )
})
