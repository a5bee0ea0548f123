/** A test as a report of `bun test` tells it. */
export interface ReportedTest {
  /** With the names of its `describe` blocks before it, as `--test-name-pattern` sees it. */
  readonly name: string
  readonly seconds: number
  readonly outcome: "passed" | "failed" | "skipped"
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" }

const unescaped = (text: string): string =>
  text.replaceAll(/&(?:#(\d+)|(\w+));/gu, (whole, code: string | undefined, name: string) =>
    code === undefined ? (entities[name] ?? whole) : String.fromCodePoint(Number(code)),
  )

const attribute = (tag: string, name: string): string =>
  unescaped(new RegExp(` ${name}="([^"]*)"`, "u").exec(tag)?.[1] ?? "")

/** The tests of one file in the order in which they ran, from the JUnit report of a run of that file alone. */
export const testsInReport = (xml: string): ReadonlyArray<ReportedTest> => {
  const tests: Array<ReportedTest> = []
  const blocks: Array<string> = []
  for (const [tag] of xml.matchAll(/<\/?(?:testsuite|testcase|skipped|failure|error)\b[^>]*>/gu)) {
    const last = tests.at(-1)
    if (tag.startsWith("<testsuite ")) blocks.push(attribute(tag, "name"))
    else if (tag === "</testsuite>") blocks.pop()
    else if (tag.startsWith("<testcase ")) {
      // The outermost suite is the file.
      const name = [...blocks.slice(1), attribute(tag, "name")].join(" ")
      tests.push({ name, seconds: Number(attribute(tag, "time")), outcome: "passed" })
    } else if (last !== undefined && /^<(?:skipped|failure|error)/u.test(tag))
      tests[tests.length - 1] = { ...last, outcome: tag.startsWith("<skipped") ? "skipped" : "failed" }
  }
  return tests
}
