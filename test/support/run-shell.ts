import { readFileSync } from "node:fs"
import { join } from "node:path"
import { temporaryFolder } from "./folders.ts"
import { type CliResult, cleanEnvironment, finished, main } from "./run-cli.ts"

/**
 * Runs the program in a shell, with something behind it on the command line, as in `| head -1` or `>/dev/full`.
 *
 * @returns the program's own exit code, and what is left of its outputs
 */
export const runShell = async (
  args: ReadonlyArray<string>,
  behind: string,
  input = "",
  before = "",
): Promise<CliResult> => {
  await using folder = await temporaryFolder()
  const code = join(folder.path, "code")
  // The program's arguments are the shell's own, so that nothing has to be quoted.
  const script = `{ ${before} "$@" ${behind.startsWith("|") ? "" : behind}; echo $? >"${code}"; } ${behind.startsWith("|") ? behind : ""}`
  const words = [process.execPath, main, ...args]
  const child = Bun.spawn(["sh", "-c", script, "sh", ...words], {
    stdin: new TextEncoder().encode(input),
    stdout: "pipe",
    stderr: "pipe",
    env: cleanEnvironment(),
  })
  const { stdout, stderr } = await finished(child)
  return { code: Number(readFileSync(code, "utf8")), stdout, stderr }
}
