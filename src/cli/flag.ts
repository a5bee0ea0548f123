import { type Command, Options } from "@effect/cli"
import { Option } from "effect"
import { enumerated } from "../text/enumerated.ts"
import { nearest } from "./suggest.ts"

/** What a command line gives for a set of flags, by their names in the program. */
export type Flags<F extends Command.Command.Config> = Command.Command.ParseConfig<F>

/** What `--help` says about a flag, and how it is written on a command line. */
export interface FlagHelp {
  readonly name: string
  /** What stands for the value, as in `--max-frames N`; absent for a switch. */
  readonly value?: string
  readonly help: string
  /** Another name that means the same. */
  readonly alias?: string
  readonly fallback?: string
  /** Whether it may be given more than once. */
  readonly isRepeatable?: boolean
  /** Whether the command cannot do without it. */
  readonly isRequired?: boolean
  /** Whether its value must never be shown. */
  readonly isSecret?: boolean
  /** What a value must be that it is not, as in `must be a number`; undefined if the value will do. */
  readonly problem?: (value: string) => string | undefined
}

const helps = new WeakMap<object, FlagHelp>()

/** The help of a flag that was made here. */
export const helpOf = (flag: object): FlagHelp | undefined => helps.get(flag)

const documented = <A>(options: Options.Options<A>, help: FlagHelp): Options.Options<A> => {
  helps.set(options, help)
  return options
}

/** A flag that is given or not. */
export const toggle = (name: string, help: string) => documented(Options.boolean(name), { name, help })

const emptyProblem = (value: string) => (value.trim() === "" ? "must not be empty" : undefined)

/** A flag with a text value that may be absent. */
export const text = (name: string, value: string, help: string) =>
  documented(Options.optional(Options.text(name)), { name, value, help, problem: emptyProblem })

/** The sentence for a value that is not understood. */
const problemOf =
  <A>(parse: (text: string) => Option.Option<A>, wrong: string) =>
  (value: string) =>
    Option.isSome(parse(value)) ? undefined : wrong

/** A flag whose text value is turned into something else, or refused with one sentence; one without a fallback has to be given. */
export const parsed = <A>(
  name: string,
  value: string,
  help: string,
  fallback: string,
  parse: (text: string) => Option.Option<A>,
  wrong: string,
) =>
  documented(
    Options.text(name).pipe(Options.withDefault(fallback), Options.filterMap(parse, `--${name} ${wrong}`)),
    {
      name,
      value,
      help,
      ...(fallback === "" ? { isRequired: true } : { fallback }),
      problem: problemOf(parse, wrong),
    },
  )

/** A secret text that may be absent. */
export const secret = (name: string, value: string, help: string) =>
  documented(Options.optional(Options.redacted(name)), { name, value, help, isSecret: true })

/** What is wrong with a value that is none of several words, with the one that it is nearly. */
const wordProblem = (words: ReadonlyArray<string>) => (given: string) => {
  if (words.includes(given)) return undefined
  const near = nearest(given, words)
  return `must be ${enumerated(words, "or")}${near.length === 0 ? "" : `; did you mean ${enumerated(near, "or")}?`}`
}

/** One of several words. */
export const choice = <const A extends ReadonlyArray<string>>(
  name: string,
  words: A,
  fallback: A[number],
  help: string,
) =>
  documented(Options.choice(name, words).pipe(Options.withDefault(fallback)), {
    name,
    value: words.length > 4 ? "NAME" : words.join("|"),
    help,
    fallback,
    problem: wordProblem(words),
  })

/** One of several words, or absent. */
export const optionalChoice = <const A extends ReadonlyArray<string>>(name: string, words: A, help: string) =>
  documented(Options.choice(name, words).pipe(Options.optional), {
    name,
    value: words.join("|"),
    help,
    problem: wordProblem(words),
  })

/** A flag that may also be given by another name, which its help mentions. */
export const alsoNamed = <A>(name: string, flag: Options.Options<A>): Options.Options<A> => {
  const help = helpOf(flag)
  const named = Options.withAlias(flag, name)
  return help === undefined ? named : documented(named, { ...help, alias: name })
}

interface Bounds {
  readonly min: number
  readonly max: number
}

/** A number as people write it: not `0x10`, not `Infinity`. */
const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/iu

const numberIn =
  ({ min, max }: Bounds, whole: boolean) =>
  (text: string): Option.Option<number> => {
    const value = decimal.test(text.trim()) ? Number(text) : Number.NaN
    return value >= min && value <= max && (!whole || Number.isInteger(value))
      ? Option.some(value)
      : Option.none()
  }

/** A whole number within bounds. */
export const whole = (name: string, bounds: Bounds, fallback: number, help: string) =>
  parsed(
    name,
    "N",
    help,
    String(fallback),
    numberIn(bounds, true),
    `must be a whole number from ${bounds.min} to ${bounds.max}`,
  )

/** A number within bounds. */
export const real = (name: string, bounds: Bounds, fallback: number, help: string) =>
  parsed(
    name,
    "X",
    help,
    String(fallback),
    numberIn(bounds, false),
    `must be a number from ${bounds.min} to ${bounds.max}`,
  )

/** A text that may be given many times, at least once. */
export const many = (name: string, value: string, help: string) =>
  documented(Options.repeated(Options.text(name)), {
    name,
    value,
    help,
    isRepeatable: true,
    problem: emptyProblem,
  })

/** A flag that may be absent, whose text value is turned into something else, or refused with one sentence. */
export const optionalParsed = <A>(
  name: string,
  value: string,
  help: string,
  parse: (text: string) => Option.Option<A>,
  wrong: string,
) =>
  documented(Options.text(name).pipe(Options.filterMap(parse, `--${name} ${wrong}`), Options.optional), {
    name,
    value,
    help,
    problem: problemOf(parse, wrong),
  })

/** A number within bounds that may be absent. */
export const optionalNumber = (name: string, bounds: Bounds, isWhole: boolean, help: string) =>
  optionalParsed(
    name,
    isWhole ? "N" : "X",
    help,
    numberIn(bounds, isWhole),
    `must be a ${isWhole ? "whole number" : "number"} from ${bounds.min} to ${bounds.max}`,
  )
