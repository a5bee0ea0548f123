import { join, posix } from "node:path"

/** The project's folder. */
export const root = join(import.meta.dir, "../..")

export const read = (file: string): Promise<string> => Bun.file(join(root, file)).text()

const found = ["*.md", "docs/**/*.md"].flatMap((pattern) => [...new Bun.Glob(pattern).scanSync(root)])

/** All pages of the documentation, relative to the project's folder. */
export const pages: ReadonlyArray<string> = found.map((file) => file.replaceAll("\\", "/")).toSorted()

/** The page in English that a page in Chinese says the same as. */
export const originalOf = (page: string): string | undefined =>
  page.endsWith(".zh-CN.md") ? page.replace(/\.zh-CN\.md$/u, ".md") : undefined

/** A block of code. */
export interface Block {
  readonly language: string
  readonly text: string
  /** Lines that are neither empty nor a comment: comments are written in the reader's language. */
  readonly lines: ReadonlyArray<string>
}

const fence = /^```(\w*)\n([\s\S]*?)^```$/gmu

export const blocksOf = (page: string): ReadonlyArray<Block> =>
  [...page.matchAll(fence)].map(([, language = "", text = ""]) => ({
    language,
    text,
    lines: text.split("\n").filter((line) => line.trim() !== "" && !/^\s*(?:#|\/\/)/u.test(line)),
  }))

/** What a page is apart from its code. */
export const proseOf = (page: string): string => page.replaceAll(fence, "")

/** Headings with their level. */
export const headingsOf = (page: string): ReadonlyArray<{ readonly level: number; readonly title: string }> =>
  [...proseOf(page).matchAll(/^(#+) (.+)$/gmu)].map(([, marks = "", title = ""]) => ({
    level: marks.length,
    title,
  }))

/** The anchors of a page's headings, as GitHub makes them. */
export const anchorsOf = (page: string): ReadonlySet<string> => {
  const seen = new Map<string, number>()
  return new Set(
    headingsOf(page).map(({ title }) => {
      const slug = title
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/gu, "$1")
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, "")
        .replaceAll(" ", "-")
      const times = seen.get(slug) ?? 0
      seen.set(slug, times + 1)
      return times === 0 ? slug : `${slug}-${times}`
    }),
  )
}

/** A link to a file of the project, or within a page. */
export interface Link {
  /** As it is written. */
  readonly target: string
  /** Relative to the project's folder. */
  readonly file: string
  readonly anchor: string | undefined
}

/** The links of a page that do not lead out of the project. */
export const linksOf = (page: string, text: string): ReadonlyArray<Link> =>
  [...proseOf(text).matchAll(/\]\(([^)\s]+)\)/gu)].flatMap(([, target = ""]) => {
    if (/^https?:/u.test(target)) return []
    const [path = "", anchor] = target.split("#")
    return [{ target, file: path === "" ? page : posix.join(posix.dirname(page), path), anchor }]
  })
