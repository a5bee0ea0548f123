import { readdirSync, readFileSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { sha256 } from "../../src/plan/fingerprint.ts"
import { VirtualTerminal } from "./virtual-terminal.ts"

/** The program. */
export const main = join(import.meta.dir, "../../src/main.ts")

export interface CliResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** The environment of a user without a key, whatever the machine's own says. */
export const cleanEnvironment = (): Record<string, string> => {
  const { PATH = "", HOME = "", TMPDIR = tmpdir() } = process.env
  return { PATH, HOME, TMPDIR }
}

/** Flags of a quick run of one video: few frames in a pool. */
export const quickFlags = (video: string, outputRoot: string): ReadonlyArray<string> => [
  ...["--input-video", video, "--output-root", outputRoot, "--max-frames", "8"],
]

/** Starts the program as a user would; stdin is closed, output is not a terminal. */
export const startCli = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
  Bun.spawn([process.execPath, main, ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...cleanEnvironment(), ...env },
  })

/** Waits for a started program to end; what it says is read meanwhile. */
export const finished = async (child: Bun.ReadableSubprocess): Promise<CliResult> => {
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { code, stdout, stderr }
}

export const runCli = (
  args: ReadonlyArray<string>,
  env?: Readonly<Record<string, string>>,
): Promise<CliResult> => finished(startCli(args, env))

/** All files below a folder, relative, sorted. */
export const filesBelow = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted()

/** What tells whether a file was written again: its inode and its time of change. */
export const stampsBelow = (folder: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    filesBelow(folder).map((file) => {
      const { ino, mtimeMs } = statSync(join(folder, file))
      return [file, `${ino} ${mtimeMs}`]
    }),
  )

/** What the files below a folder hold: their digests. */
export const digestsBelow = (folder: string): Readonly<Record<string, string>> =>
  Object.fromEntries(filesBelow(folder).map((file) => [file, sha256(readFileSync(join(folder, file)))]))

/** The names of files that differ between two stamps, in either direction. */
export const changedFiles = (
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): ReadonlyArray<string> =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((file) => before[file] !== after[file])
    .toSorted()

/**
 * Starts the program on a terminal of its own and keeps what that shows. It is not the program's controlling terminal,
 * so signals are sent to it directly.
 */
export const startCliOnTerminal = (
  args: ReadonlyArray<string>,
  size: { readonly columns: number; readonly rows: number },
  env: Readonly<Record<string, string>> = {},
) => {
  const shown = new VirtualTerminal(size.columns, size.rows)
  const decoder = new TextDecoder()
  let bytes = ""
  let changed = Promise.withResolvers<void>()
  const pty = new Bun.Terminal({
    cols: size.columns,
    rows: size.rows,
    data: (_terminal, data) => {
      const text = decoder.decode(data, { stream: true })
      bytes += text
      shown.write(text)
      changed.resolve()
      changed = Promise.withResolvers()
    },
  })
  const child = Bun.spawn([process.execPath, main, ...args], {
    terminal: pty,
    env: { ...cleanEnvironment(), ...env },
  })
  return {
    terminal: shown,
    screen: () => shown.screen(),
    /** Waits until the screen is as it should be; the test's own limit ends a wait in vain. */
    until: async (isSo: () => boolean) => {
      while (shown.isUpdating || !isSo()) await changed.promise
    },
    resize: (columns: number, rows: number) => {
      shown.resize(columns, rows)
      pty.resize(columns, rows)
      child.kill("SIGWINCH")
    },
    /** What a terminal does for Ctrl-C. */
    interrupt: () => child.kill("SIGINT"),
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    /** Closes the terminal; the program is still there. */
    close: () => pty.close(),
    /** All that came, control sequences included. */
    bytes: () => bytes,
    exited: child.exited,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL")
      await child.exited
      pty.close()
    },
  }
}
