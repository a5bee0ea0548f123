import { describe, expect, test } from "bun:test"
import * as fc from "effect/FastCheck"
import { identifier, slug } from "../../src/plan/slug.ts"
import { characters } from "../../src/plan/unicode.ts"
import python from "./python-cases.json"

/** Code points of a property from the lengths of runs without and with it. */
const codePoints = (runs: ReadonlyArray<number>): Uint8Array => {
  const has = new Uint8Array(0x110000)
  let at = 0
  runs.forEach((length, i) => {
    if (i % 2 === 1) has.fill(1, at, at + length)
    at += length
  })
  return has
}

describe("characters are those of Python's Unicode 14, each of them", () => {
  test.each(["alphanumeric", "space", "digit"] as const)("%s", (property) => {
    const wanted = codePoints(python[property])
    const pattern = new RegExp(`^${characters[property]}$`, "v")
    const differing = Array.from(wanted.keys()).filter((code) => {
      const isSurrogate = code >= 0xd800 && code < 0xe000
      return !isSurrogate && pattern.test(String.fromCodePoint(code)) !== (wanted[code] === 1)
    })
    expect(differing).toEqual([])
  })
})

describe("slug", () => {
  test.each([
    ["Pick up the cup", "pick_up_the_cup"],
    ["🧽 Wipe", "wipe"],
    ["• Flip", "flip"],
    ["Fold -", "fold_"],
    ["  Open - the   jar!  ", "open_the_jar"],
    ["Cut (finely), at 45°", "cut_finely_at_45"],
    ["snake_case_stays", "snake_case_stays"],
    ["倒入 热水-壶", "倒入_热水_壶"],
    ["Crème brûlée №2", "crème_brûlée_2"],
    ["!!!", "unnamed"],
    ["", "unnamed"],
  ])("of %p is %p", (goal, expected) => {
    expect(slug(goal)).toBe(expected)
  })

  test("is what the rule of the contract gives in Python", () => {
    const differing = python.slugs.filter(
      ([goal = "", wanted = ""]) => Buffer.byteLength(wanted) <= 244 && slug(goal) !== wanted,
    )
    expect(differing).toEqual([])
    expect(python.slugs.length).toBeGreaterThan(150)
  })

  test("is cut at 80 characters without a trailing underscore", () => {
    expect(slug(`${"a".repeat(79)} b`)).toBe("a".repeat(79))
    expect(slug("字".repeat(100))).toBe("字".repeat(80))
    expect(slug("_".repeat(100))).toBe("unnamed")
  })

  test("is cut at 244 bytes between letters, so that names made of it fit on a disk", () => {
    expect(slug("𠀀".repeat(80))).toBe("𠀀".repeat(61))
    expect(slug(`${"𠀀".repeat(60)}a ${"𠀀".repeat(20)}`)).toBe(`${"𠀀".repeat(60)}a`)
    expect(slug(`a${"𠀀".repeat(80)}`)).toBe(`a${"𠀀".repeat(60)}`)
    expect(Buffer.byteLength(`step08_${slug("𐐀".repeat(300))}.mp4`)).toBeLessThanOrEqual(255)
  })
})

describe("identifier", () => {
  test.each([
    ["Red Cube", "red_cube"],
    ["İstanbul mug", "istanbul_mug"],
    ["unnamed", ""],
    ["!!", ""],
  ])("of %p is %p", (name, expected) => {
    expect(identifier(name)).toBe(expected)
  })

  test("applied twice changes nothing, and only letters, digits and underscores are left", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        const once = identifier(text)
        expect(identifier(once)).toBe(once)
        expect(once).toMatch(/^[\p{L}\p{N}_]*$/u)
      }),
      { numRuns: 2000 },
    )
  })
})
