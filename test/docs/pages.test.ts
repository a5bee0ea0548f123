import { describe, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { join } from "node:path"
import manifest from "../../package.json"
import { anchorsOf, blocksOf, headingsOf, linksOf, originalOf, pages, proseOf, read, root } from "./pages.ts"

/** Every `bun run SCRIPT` in prose and code. */
const scriptsOf = (page: string): ReadonlyArray<string> =>
  [...page.matchAll(/(?:bun|npx --yes bun@1\.4) run ([a-z][\w:-]*)/gu)].map((match) => match[1] ?? "")

describe.each([...pages])("%s", (page) => {
  test("links only to files and sections that exist", async () => {
    const broken: Array<string> = []
    for (const { target, file, anchor } of linksOf(page, await read(page))) {
      if (!existsSync(join(root, file))) broken.push(target)
      else if (anchor !== undefined && !anchorsOf(await read(file)).has(anchor)) broken.push(target)
    }
    expect(broken).toEqual([])
  })

  test("names only scripts that exist", async () => {
    const scripts = scriptsOf(await read(page))
    expect(scripts.filter((script) => !Object.hasOwn(manifest.scripts, script))).toEqual([])
  })

  test("has tables whose rows have as many cells as their head", async () => {
    const cells = (line: string): number => line.replaceAll(/\\\|/gu, "").split("|").length
    const lines = proseOf(await read(page)).split("\n")
    const uneven = lines.filter((line, i) => {
      const above = lines[i - 1] ?? ""
      return line.startsWith("|") && above.startsWith("|") && cells(line) !== cells(above)
    })
    expect(uneven).toEqual([])
  })

  test("has one title, and no heading that skips a level", async () => {
    const levels = headingsOf(await read(page)).map(({ level }) => level)
    expect(levels[0]).toBe(1)
    expect(levels.filter((level) => level === 1)).toHaveLength(1)
    expect(levels.filter((level, i) => level > (levels[i - 1] ?? 0) + 1)).toEqual([])
  })
})

const translated = pages.flatMap((page) => {
  const original = originalOf(page)
  return original === undefined ? [] : [[page, original] as const]
})

test.each(translated)("%s has the sections, the code and the pictures of %s", async (page, original) => {
  const shape = (text: string) => ({
    headings: headingsOf(text).map(({ level }) => level),
    code: blocksOf(text).map(({ language, lines }) => ({ language, lines })),
    pictures: [...proseOf(text).matchAll(/!\[[^\]]*\]\(([^)]+)\)/gu)].map(([, file]) => file),
    rows: proseOf(text)
      .split("\n")
      .filter((line) => line.startsWith("|")).length,
  })
  expect(shape(await read(page))).toEqual(shape(await read(original)))
})

test("the README and what a first user reads exist in Chinese", () => {
  expect(translated.map(([page]) => page)).toEqual([
    "README.zh-CN.md",
    "docs/guides/first-run.zh-CN.md",
    "docs/guides/real-run.zh-CN.md",
  ])
})

test.each(["README.md", "README.zh-CN.md"])(
  "%s has at most 250 lines and begins with two commands",
  async (page) => {
    const text = await read(page)
    expect(text.split("\n").length).toBeLessThanOrEqual(251)
    expect(scriptsOf(text).slice(0, 2)).toEqual(["demo", "check"])
  },
)

test("the index names every page", async () => {
  const named = new Set(linksOf("docs/README.md", await read("docs/README.md")).map(({ file }) => file))
  const missing = pages.filter((page) => !named.has(page) && page !== "docs/README.md")
  expect(missing).toEqual(["README.zh-CN.md"])
})

test("the README leads to every page for users in one click", async () => {
  const named = new Set(linksOf("README.md", await read("README.md")).map(({ file }) => file))
  const forUsers = pages.filter(
    (page) => /^docs\/(?:guides|reference)\//u.test(page) && originalOf(page) === undefined,
  )
  expect(forUsers.filter((page) => !named.has(page))).toEqual([])
})
