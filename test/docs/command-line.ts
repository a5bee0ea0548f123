/** Makes `docs/reference/command-line.md` from the flags: `bun run docs`. */
import { type FlagHelp, helpOf } from "../../src/cli/flag.ts"
import { commandHelp } from "../../src/cli/help.ts"

type CommandHelp = (typeof commandHelp)[string]
type Section = CommandHelp["sections"][number]

/** Where the page is, relative to the project's folder. */
export const commandLineFile = "docs/reference/command-line.md"

/** Text as a cell of a table. */
const cell = (text: string): string => text.replaceAll("|", "\\|")

const flagRow = ({ name, value, fallback, help }: FlagHelp): string => {
  const flag = value === undefined ? `--${name}` : `--${name} ${value}`
  return `| \`${cell(flag)}\` | ${fallback === undefined ? "–" : `\`${cell(fallback)}\``} | ${cell(help)} |`
}

const table = (section: Section): ReadonlyArray<string> => [
  "| flag | default | meaning |",
  "| --- | --- | --- |",
  ...section.flags.flatMap((flag) => helpOf(flag) ?? []).map(flagRow),
]

const entries = Object.entries(commandHelp)

/** Sections that several commands have, told once. */
const shared = (() => {
  const users = new Map<Section, Array<string>>()
  for (const [name, { sections }] of entries)
    for (const section of sections) users.set(section, [...(users.get(section) ?? []), name])
  return new Map([...users].filter(([, names]) => names.length > 1))
})()

/** The shared section that one of a command's own extends, if any. */
const extended = ({ title }: Section): Section | undefined =>
  [...shared.keys()].find((section) => section.title === title)

/** What a section has beside the flags of the one that it extends. */
const beside = (section: Section): Section => ({
  title: section.title,
  flags: section.flags.filter((flag) => extended(section)?.flags.includes(flag) !== true),
})

const anchor = (title: string): string => title.toLowerCase().replaceAll(",", "").replaceAll(" ", "-")

const commandText = ([name, help]: readonly [string, CommandHelp]): ReadonlyArray<string> => {
  const own = help.sections.filter((section) => !shared.has(section)).map(beside)
  const others = help.sections.filter((section) => extended(section) !== undefined)
  const links = others.map(({ title }) => `[${title}](#${anchor(title)})`)
  return [
    "",
    `### ${name}`,
    "",
    `${help.summary}.`,
    "",
    "```text",
    help.usage,
    "```",
    ...(links.length === 0 ? [] : ["", `Flags: ${links.join(", ")}.`]),
    ...own.flatMap((section) => ["", ...(links.length > 0 ? ["And these:", ""] : []), ...table(section)]),
  ]
}

/** The variables of the environment and the flags that they stand for. */
const variables: ReadonlyArray<readonly [name: string, meaning: string]> = [
  ["API_KEY", "`--api-key`"],
  ["OPENAI_API_KEY", "`--api-key`, if `API_KEY` is absent"],
  ["API_BASE_URL", "`--api-base`"],
  ["MODEL_PROVIDER_ID", "`--provider`"],
  ["MODEL_NAME", "`--model`"],
  ["MAX_TOKENS", "`--max-tokens`"],
  ["TEMPERATURE", "`--temperature`"],
  ["API_CALL_RETRIES", "`--api-call-retries`"],
  ["API_CALL_RETRY_BACKOFF_SEC", "`--api-call-retry-backoff-sec`"],
  [
    "EMBED_INDEX_ON_API_IMAGES",
    "`0` (`false`, `no`) is `--image-labels text`, `1` (`true`, `yes`) is `--image-labels overlay`",
  ],
  ["VERBOSE_LOGGING", "`1` (`true`, `yes`) is `--verbose`"],
]

/** The page as it should be. */
export const commandLinePage = (): string =>
  [
    "# Command line",
    "",
    "This page is made from the flags by `bun run docs`. `bun run COMMAND --help` prints the same.",
    "",
    "A value is written `--flag VALUE` or `--flag=VALUE`. A dash as the default means that the flag is absent, or that the meaning names",
    "the default. What a command ends with is in [Exit codes](exit-codes.md).",
    "",
    "## Commands",
    ...entries.flatMap(commandText),
    "",
    "## Flags that several commands take",
    ...[...shared].flatMap(([section, names]) => [
      "",
      `### ${section.title}`,
      "",
      `Of ${names.map((name) => `\`${name}\``).join(", ")}.`,
      "",
      ...table(section),
    ]),
    "",
    "## Environment variables",
    "",
    "A flag wins over its variable. `--rehearsal` wins over all of them. An empty variable counts as absent.",
    "",
    "| variable | flag |",
    "| --- | --- |",
    ...variables.map(([name, meaning]) => `| \`${name}\` | ${meaning} |`),
    "",
    "With neither a key nor an address nothing is sent anywhere. With a key alone the address is `https://api.openai.com/v1`. Variables for",
    "telemetry are in [Events](events.md#telemetry).",
    "",
    "Started in a folder below the project's, `bun run` prints the command line, with a key given as `--api-key`. In the project's folder it",
    "does not.",
    "",
  ].join("\n")

if (import.meta.main) await Bun.write(new URL(`../../${commandLineFile}`, import.meta.url), commandLinePage())
