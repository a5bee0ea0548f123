import { relative } from "node:path"
import { Either } from "effect"
import { parseEndpoint } from "../model/client/endpoint.ts"
import { readCommandLine } from "./command-line.ts"
import { flagsOf } from "./help.ts"
import { commandLine } from "./shell.ts"

/** How the program was started, as `process` has it. */
export interface Invocation {
  /** Those of the program, without its own name. */
  readonly args: ReadonlyArray<string>
  readonly execPath: string
  /** Absolute path of the program's main file. */
  readonly script: string
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** This process. */
export const invocation = (): Invocation => ({
  args: process.argv.slice(2),
  execPath: process.execPath,
  script: process.argv[1] ?? "",
  cwd: process.cwd(),
  env: process.env,
})

/** What a command begins with when it is typed as this one was: `bun run`, also of a Bun that npx has fetched. */
const start = ({ env, execPath, script, cwd }: Invocation, command: string): ReadonlyArray<string> => {
  if (env.npm_lifecycle_event === undefined) return ["bun", relative(cwd, script), command]
  return execPath.includes("/_npx/")
    ? ["npx", "--yes", `bun@${Bun.version}`, "run", command]
    : ["bun", "run", command]
}

/** A command line that can be pasted, of this program as it was started. */
export const pasteable = (how: Invocation, command: string, words: ReadonlyArray<string>): string =>
  commandLine([...start(how, command), ...words])

/** This command once more, without what is secret in it. */
export interface Again {
  readonly text: string
  /** The environment variables that have to be set for what was left out. */
  readonly needs: ReadonlyArray<string>
}

/** How flags that take no value differ in a command that is run again. */
interface Changed {
  /** Added where they are not there yet. */
  readonly extra?: ReadonlyArray<string>
  readonly without?: ReadonlyArray<string>
}

/**
 * The command line of this process, to be pasted. Undefined if it reads a list from the standard input, which nobody has any
 * more.
 */
export const commandAgain = (
  how: Invocation,
  { extra = [], without = [] }: Changed = {},
): Again | undefined => {
  const read = Either.getOrUndefined(readCommandLine(how.args))
  if (read?.kind !== "run") return undefined
  const [command = "", ...rest] = read.args
  const flags = new Map(flagsOf(command).map((flag) => [`--${flag.name}`, flag]))
  const words: Array<string> = []
  const needs: Array<string> = []
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i] ?? ""
    const flag = flags.get(word)
    const value = flag?.value === undefined ? undefined : rest[++i]
    if (flag?.name === "input-list" && value === "-") return undefined
    if (without.includes(word)) continue
    if (flag?.isSecret === true) needs.push("API_KEY")
    else if (flag?.name === "api-base" && (parseEndpoint(value ?? "")?.secrets ?? []).length > 0)
      needs.push("API_BASE_URL")
    else words.push(word, ...(value === undefined ? [] : [value]))
  }
  return { text: pasteable(how, command, [...words, ...extra.filter((one) => !words.includes(one))]), needs }
}
