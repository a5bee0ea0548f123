import { existsSync, lstatSync, readFileSync, realpathSync } from "node:fs"
import { basename, dirname, isAbsolute, join, resolve } from "node:path"

/** The system calls that read, write, make, rename or remove a file by its name. */
const calls = [
  ...["open", "openat", "creat", "truncate", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat"],
  ...["rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "mknod", "mknodat"],
]

/** The command line under which a program's file accesses are logged; the program alone where that cannot be. */
export const traced = (log: string, command: ReadonlyArray<string>): ReadonlyArray<string> => [
  "strace",
  ...["-f", "-qq", "-s", "4096", "-e", `trace=${calls.join(",")}`, "-e", "signal=none", "-o", log],
  ...command,
]

/** Whether programs can be watched here. */
export const canTrace = ((): boolean =>
  process.platform === "linux" &&
  Bun.which("strace") !== null &&
  Bun.spawnSync(["strace", "-qq", "-o", "/dev/null", "true"]).exitCode === 0)()

/** One access that took place. */
export interface Access {
  readonly call: string
  /** Where it leads, links on the way followed as the system did. */
  readonly path: string
  /** The line of the log. */
  readonly line: string
}

/** Calls that act upon a link itself. */
const actOnLinks = /^(?:unlink|rename|link|symlink|mk|rmdir)/u

const unescaped = (text: string): string =>
  Buffer.from(
    text.replaceAll(/\\(?:([0-7]{1,3})|x([0-9a-f]{2})|(.))/gu, (_match, octal, hex, other: string) => {
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8))
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
      return { n: "\n", t: "\t", r: "\r", v: "\v", f: "\f" }[other] ?? other
    }),
    "latin1",
  ).toString("utf8")

const realFolder = (folder: string): string => {
  try {
    return realpathSync(folder)
  } catch {
    return folder
  }
}

const leadsTo = (path: string, followsLast: boolean): string => {
  const inFolder = join(realFolder(dirname(path)), basename(path))
  return followsLast && existsSync(inFolder) ? realFolder(inFolder) : inFolder
}

/** The accesses in a log that succeeded. Paths are resolved as links stand now: read it before anything is changed. */
export const readAccesses = (log: string, workingFolder: string): ReadonlyArray<Access> =>
  readFileSync(log, "utf8")
    .split("\n")
    .flatMap((line): ReadonlyArray<Access> => {
      const [, call = "", given = "", result = ""] = /^\d+\s+(\w+)\((.*)\)\s+= (-?\d+)/u.exec(line) ?? []
      if (call === "" || Number(result) < 0) return []
      const followsLast = !actOnLinks.test(call) && !given.includes("O_NOFOLLOW")
      return [...given.matchAll(/"((?:[^"\\]|\\.)*)"/gu)].map(([, text = ""]) => {
        const path = unescaped(text)
        const absolute = isAbsolute(path) ? path : resolve(workingFolder, path)
        return { call, path: leadsTo(absolute, followsLast), line }
      })
    })

/** Whether a path is a pipe, a socket or a device. */
export const isOdd = (path: string): boolean => {
  try {
    const found = lstatSync(path)
    return found.isFIFO() || found.isSocket() || found.isCharacterDevice() || found.isBlockDevice()
  } catch {
    return false
  }
}
