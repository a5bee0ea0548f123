import { statSync } from "node:fs"
import { extname } from "node:path"
import { Either } from "effect"
import { videoExtensions } from "../dataset/layout.ts"
import { enumerated } from "../text/enumerated.ts"
import { isFlag, type Operands, readArguments } from "./arguments.ts"
import { commandHelp, flagsOf } from "./help.ts"
import { quoted } from "./shell.ts"
import { nearest } from "./suggest.ts"

/** What a command line asks for. */
export type Request =
  | { readonly kind: "help"; readonly command: string | undefined }
  | { readonly kind: "version" }
  /** The arguments are those of the option parser: the command, its flags in the plainest form, its operands. */
  | { readonly kind: "run"; readonly args: ReadonlyArray<string> }

const noOperands: Operands = { usage: "", least: 0, most: 0 }

const names = Object.keys(commandHelp)

const kindOf = (path: string): "file" | "folder" | undefined => {
  const found = statSync(path, { throwIfNoEntry: false })
  return found === undefined ? undefined : found.isDirectory() ? "folder" : "file"
}

/** Whatever is wrong with looking at a path, it is told when the path is used. */
const kindIfKnown = (path: string): "file" | "folder" | undefined => {
  try {
    return kindOf(path)
  } catch {
    return undefined
  }
}

/** The sentence for a first argument that is no command. */
const noCommand = (first: string, rest: ReadonlyArray<string>): string => {
  const all = `the commands are ${names.join(", ")}`
  if (isFlag(first)) {
    const [command] = rest.filter((arg) => names.includes(arg))
    return command === undefined
      ? `the command comes first, then its flags; ${all}`
      : `the command comes first, then its flags: bun run ${command} ...`
  }
  const path = quoted(first)
  const kind = kindIfKnown(first)
  if (kind === "folder")
    return `there is no command ${path}; for a folder of videos: bun run pipeline --input-video-dir ${path}`
  if (kind === "file" || videoExtensions.includes(extname(first).toLowerCase()))
    return `there is no command ${path}; for a video: bun run pipeline --input-video ${path}`
  const near = nearest(first, names)
  const hint = near.length > 0 ? `did you mean ${enumerated(near, "or")}?` : all
  return `there is no command "${first}"; ${hint}`
}

/** Reads a whole command line, without the program's own name; or (left) says in one sentence what is wrong with it. */
export const readCommandLine = (args: ReadonlyArray<string>): Either.Either<Request, string> => {
  const [first, ...rest] = args
  const named = first === "help" ? rest[0] : first
  const command = named !== undefined && names.includes(named) ? named : undefined
  if (first === "help" && named !== undefined && !isFlag(named) && command === undefined)
    return Either.left(noCommand(named, []))
  if (first === undefined || first === "help" || args.includes("--help") || args.includes("-h"))
    return Either.right({ kind: "help", command })
  if (args.includes("--version")) return Either.right({ kind: "version" })
  if (command === undefined) return Either.left(noCommand(first, rest))
  const everywhere = names.flatMap(flagsOf)
  const grammar = { command, flags: flagsOf(command), everywhere, kindOf: kindIfKnown }
  const { operands = noOperands } = commandHelp[command] ?? {}
  return Either.map(readArguments(rest, { ...grammar, operands }), (read) => ({
    kind: "run",
    args: [command, ...read],
  }))
}

/** Whether the objects of `--json` are expected on stdout, however wrong the rest is. */
export const wantsJson = (args: ReadonlyArray<string>): boolean =>
  args.some((arg) => arg === "--json" || arg.startsWith("--json="))
