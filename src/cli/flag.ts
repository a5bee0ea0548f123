import { Options } from "@effect/cli"
import { Option } from "effect"

/** What `--help` says about a flag. */
export interface FlagHelp {
  readonly name: string
  /** What stands for the value, as in `--max-frames N`; absent for a switch. */
  readonly value?: string
  readonly help: string
  readonly fallback?: string
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

/** A flag with a text value that may be absent. */
export const text = (name: string, value: string, help: string) =>
  documented(Options.optional(Options.text(name)), { name, value, help })

/** A flag whose text value is turned into something else, or refused with one sentence. */
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
    { name, value, help, ...(fallback === "" ? {} : { fallback }) },
  )

/** A secret text that may be absent. */
export const secret = (name: string, value: string, help: string) =>
  documented(Options.optional(Options.redacted(name)), { name, value, help })

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
  })

/** One of several words, or absent. */
export const optionalChoice = <const A extends ReadonlyArray<string>>(name: string, words: A, help: string) =>
  documented(Options.choice(name, words).pipe(Options.optional), { name, value: words.join("|"), help })

/** A flag that may also be given by another name, which its help mentions. */
export const alsoNamed = <A>(name: string, flag: Options.Options<A>): Options.Options<A> => {
  const help = helpOf(flag)
  const named = Options.withAlias(flag, name)
  return help === undefined ? named : documented(named, help)
}

interface Bounds {
  readonly min: number
  readonly max: number
}

const numberIn =
  ({ min, max }: Bounds, whole: boolean) =>
  (text: string): Option.Option<number> => {
    const value = text.trim() === "" ? Number.NaN : Number(text)
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
  documented(Options.repeated(Options.text(name)), { name, value, help })

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
