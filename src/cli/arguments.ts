import { extname } from "node:path"
import { Either } from "effect"
import { videoExtensions } from "../dataset/layout.ts"
import { enumerated } from "../text/enumerated.ts"
import type { FlagHelp } from "./flag.ts"
import { quoted } from "./shell.ts"
import { nearest } from "./suggest.ts"

/** How many arguments without a flag a command takes, and what stands for them in its help. */
export interface Operands {
  readonly usage: string
  readonly least: number
  readonly most: number
}

/** What may stand on the command line of one command. */
export interface Grammar {
  readonly command: string
  readonly flags: ReadonlyArray<FlagHelp>
  /** Arguments without a flag. */
  readonly operands: Operands
  /** The flags of all commands. */
  readonly everywhere: ReadonlyArray<FlagHelp>
  /** What is at a path. */
  readonly kindOf: (path: string) => "file" | "folder" | undefined
}

/** What is asked for with `--help` and `--version`, wherever they stand. */
const builtIns = ["help", "version"] as const

/** A dash of any length, as texts copied from a page have it. */
const dashed = /^[-\u2010-\u2015\u2212]+(?=\p{L})/u

/** Whether an argument is written as a flag, though perhaps not a right one. */
export const isFlag = (token: string): boolean => dashed.test(token) || token.startsWith("--")

/** `--name FILE`, or `--name` of a switch. */
const usageOf = ({ name, value }: FlagHelp): string =>
  value === undefined ? `--${name}` : `--${name} ${value}`

const helpHint = (command: string) => `bun run ${command} --help lists its flags`

/** Whether a name could be a secret that was written in the place of a flag, or right behind one. */
const mayHoldSecret = (name: string): boolean =>
  !/^-{1,2}[a-z][a-z_-]{0,31}$/iu.test(name) || /^-*(?:api|key|token|secret)[_-]?(?:key)?./iu.test(name)

/** The sentence for a flag that the command does not have. */
const unknownFlag = (typed: string, grammar: Grammar): string => {
  const { command, flags, everywhere } = grammar
  const name = typed.replace(dashed, "").replace(/^-+/u, "")
  const switched = flags.find((flag) => flag.value === undefined && name === `no-${flag.name}`)
  if (switched !== undefined) return `--${name} is not needed: leave --${switched.name} out`
  const known = new Map(
    flags.flatMap((flag) => [flag.name, flag.alias ?? flag.name].map((one) => [one, usageOf(flag)] as const)),
  )
  const near = nearest(typed, [...known.keys(), ...builtIns])
  if (near.length > 0) {
    const meant = enumerated([...new Set(near.map((one) => known.get(one) ?? `--${one}`))], "or")
    // With a missing blank, the key is a part of what was typed.
    const isSecret = flags.some((flag) => flag.isSecret === true && near.includes(flag.name))
    return `${isSecret ? "a flag is misspelt" : `there is no flag ${typed}`}; did you mean ${meant}?`
  }
  if (mayHoldSecret(typed))
    return `${command} is given an argument that begins with a dash and is no flag of it; ${helpHint(command)}`
  const isElsewhere = everywhere.some((flag) => flag.name === name)
  const of = isElsewhere ? `${command} has no flag ${typed}, which other commands have` : undefined
  return `${of ?? `there is no flag ${typed}`}; ${helpHint(command)}`
}

/** The flag that an argument without one most likely belongs to. */
const flagFor = (
  operand: string,
  kind: "file" | "folder" | undefined,
  { flags }: Grammar,
): FlagHelp | undefined => {
  const extension = extname(operand).toLowerCase()
  const isVideo = videoExtensions.includes(extension)
  const isTime = /^\d+(?:\.\d+)?$/u.test(operand)
  const names =
    kind === "folder"
      ? ["input-video-dir", "output-root", "output"]
      : isTime
        ? ["at"]
        : extension === ".txt"
          ? ["input-list"]
          : kind === "file" || isVideo
            ? ["input-video", "video"]
            : []
  return names.flatMap((name) => flags.filter((flag) => flag.name === name))[0]
}

const switchWords = ["true", "false", "yes", "no", "on", "off", "0", "1"]

interface Given {
  readonly flag: FlagHelp
  /** The name it was given by. */
  readonly name: string
  readonly value: string | undefined
}

/**
 * The sentence for an argument that belongs to no flag. It is shown only where it cannot be a key: a key that is typed with
 * a blank in it ends up here.
 */
const strayOperand = (operand: string, before: Given | undefined, grammar: Grammar): string => {
  const { command } = grammar
  if (before?.flag.isSecret === true)
    return `an argument is left over after --${before.flag.name}, which takes one value; a value with blanks in it has to stand in quotes`
  if (before !== undefined && before.flag.value === undefined && switchWords.includes(operand))
    return `--${before.flag.name} takes no value: it is on when it is given; leave ${operand} out`
  const kind = grammar.kindOf(operand)
  const joined = before?.value === undefined ? undefined : `${before.value} ${operand}`
  if (before !== undefined && joined !== undefined && grammar.kindOf(joined) !== undefined)
    return `a name with blanks in it has to stand in quotes: --${before.flag.name} ${quoted(joined)}`
  if (before?.flag.name === "stages" && /^[\d,]+$/u.test(operand))
    return `--stages takes one value, without blanks: --stages ${before.value},${operand}`
  const flag = flagFor(operand, kind, grammar)
  const isGiven = flag !== undefined && before?.flag.name === flag.name && flag.isRepeatable !== true
  if (isGiven && flag.name === "input-video")
    return "--input-video takes one file; for several give --input-video-dir DIR or --input-list FILE"
  if (flag !== undefined)
    return `${quoted(operand)} is given without a flag; did you mean --${flag.name} ${quoted(operand)}?`
  const shown = kind === undefined ? "an argument" : quoted(operand)
  return `${shown} is given without a flag; ${helpHint(command)}`
}

/** What is wrong with a flag that stands where it may. */
const flagProblem = (
  { flag, name, value }: Given,
  isInline: boolean,
  earlier: ReadonlyArray<Given>,
): string | undefined => {
  if (flag.value === undefined)
    return isInline
      ? `--${name} takes no value: it is on when it is given; leave out what stands after the =`
      : earlier.some((given) => given.flag === flag)
        ? `--${name} is given twice; once is enough`
        : undefined
  if (value === undefined)
    return `--${name} needs a value, as in ${usageOf({ ...flag, name })}; one that begins with -- is written --${name}=${flag.value}`
  if (flag.isRepeatable !== true && earlier.some((given) => given.flag === flag)) {
    const several =
      name === "input-video" ? "; for several files give --input-video-dir DIR or --input-list FILE" : ""
    return `--${name} is given twice; give it once${several}`
  }
  const problem = flag.problem?.(value)
  return problem === undefined ? undefined : `--${name} ${problem}`
}

/** The flag that is written in a token, with the value behind an equals sign. */
const splitToken = (token: string) => {
  const equals = token.indexOf("=")
  return equals < 0
    ? { typed: token, inline: undefined }
    : { typed: token.slice(0, equals), inline: token.slice(equals + 1) }
}

/**
 * Reads the arguments that follow the command: a flag and its value, `--name VALUE` or `--name=VALUE`, each flag once.
 *
 * @returns the arguments in the plainest form, flags first and each value an argument of its own; or (left) one sentence
 * that says what is wrong with them and what to type. It never holds a secret.
 */
export const readArguments = (
  args: ReadonlyArray<string>,
  grammar: Grammar,
): Either.Either<ReadonlyArray<string>, string> => {
  const given: Array<Given> = []
  const operands: Array<string> = []
  for (let i = 0; i < args.length; i++) {
    const token = args[i] ?? ""
    if (!isFlag(token)) {
      if (token.trim() === "")
        return Either.left("an argument is empty; a variable that it is taken from may not be set")
      if (operands.length >= grammar.operands.most)
        return Either.left(strayOperand(token, given.at(-1), grammar))
      operands.push(token)
      continue
    }
    if (token === "--")
      return Either.left("-- has no meaning here: every argument is a flag, or the value of one")
    const { typed, inline } = splitToken(token)
    const flag = grammar.flags.find(({ name, alias }) => typed === `--${name}` || typed === `--${alias}`)
    if (flag === undefined) return Either.left(unknownFlag(typed, grammar))
    let value = inline
    const next = args[i + 1]
    if (flag.value !== undefined && inline === undefined && next !== undefined && !next.startsWith("--")) {
      value = next
      i++
    }
    const one = { flag, name: typed.slice(2), value }
    const problem = flagProblem(one, inline !== undefined, given)
    if (problem !== undefined) return Either.left(problem)
    given.push(one)
  }
  const { command, operands: expected } = grammar
  if (operands.length < expected.least)
    return Either.left(`${command} needs ${expected.usage}, as in bun run ${command} ${expected.usage}`)
  const missing = grammar.flags.filter(
    (flag) => flag.isRequired === true && !given.some((one) => one.flag === flag),
  )
  if (missing.length > 0) return Either.left(`${command} needs ${missing.map(usageOf).join(" and ")}`)
  const flags = given.flatMap(({ flag, value }) => [
    `--${flag.name}`,
    ...(value === undefined ? [] : [value]),
  ])
  return Either.right([...flags, ...operands])
}
