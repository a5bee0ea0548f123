import { Effect, Redacted } from "effect"
import { parseJson } from "../files/json.ts"
import type { RecordedFields, RecordedValue } from "../model/VisionModel.ts"
import { UsageError } from "./usage.ts"

type Variables = Readonly<Record<string, string | undefined>>

/** What was taken from the environment is secret, wherever it was put. */
interface Expanded<A> {
  readonly value: A
  readonly secrets: ReadonlyArray<string>
}

/** `{env:NAME}`: a value that nobody sees on the command line. What is taken from the environment is secret. */
export const environmentReference = /\{env:([A-Za-z_]\w*)\}/gu

const expandText = Effect.fn("Cli.expand")(function* (flag: string, text: string, variables: Variables) {
  const secrets: Array<string> = []
  let value = ""
  let at = 0
  for (const match of text.matchAll(environmentReference)) {
    const name = match[1] ?? ""
    const found = variables[name]?.trim()
    if (found === undefined || found === "")
      return yield* new UsageError({
        message: `${flag} speaks of the environment variable ${name}, which is not set`,
      })
    secrets.push(found)
    value += text.slice(at, match.index) + found
    at = match.index + match[0].length
  }
  return { value: value + text.slice(at), secrets } satisfies Expanded<string>
})

/** The names of fields as HTTP has them for headers; in a query any but an empty one will do. */
export const isHeaderName = (name: string): boolean => /^[!#$%&'*+.^_`|~\w-]+$/u.test(name)

/** Fails unless a value, if there is one, is what a header can hold. The value itself is not repeated. */
export const requireHeaderValue = (flag: string, value: string | undefined) =>
  value === undefined || /^[\x20-\x7e]*$/u.test(value)
    ? Effect.void
    : new UsageError({
        message: `${flag} has a character that cannot be sent: a line break, a letter with an accent, a long dash or the like; copy it again`,
      })

/** Reads `NAME=VALUE` as often as it was given. The value is in no message. */
export const fieldsOf = Effect.fn("Cli.fields")(function* (
  flag: "--header" | "--query",
  given: ReadonlyArray<string>,
  variables: Variables,
) {
  const fields: Record<string, Redacted.Redacted> = {}
  const secrets: Array<string> = []
  for (const field of given) {
    const end = field.indexOf("=")
    const name = field.slice(0, Math.max(0, end)).trim()
    if (name === "" || (flag === "--header" && !isHeaderName(name)))
      return yield* new UsageError({
        message: `${flag} must be NAME=VALUE, as in ${flag} api-version=2024-10-21`,
      })
    const expanded = yield* expandText(`${flag} ${name}`, field.slice(end + 1).trim(), variables)
    if (flag === "--header") yield* requireHeaderValue(`${flag} ${name}`, expanded.value)
    fields[name] = Redacted.make(expanded.value)
    secrets.push(...expanded.secrets)
  }
  return { value: fields, secrets } satisfies Expanded<Record<string, Redacted.Redacted>>
})

const isFields = (value: unknown): value is RecordedFields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const expandValue = (
  value: RecordedValue,
  variables: Variables,
): Effect.Effect<Expanded<RecordedValue>, UsageError> =>
  Effect.gen(function* () {
    if (typeof value === "string") return yield* expandText("--extra-body", value, variables)
    if (typeof value !== "object" || value === null) return { value, secrets: [] }
    const secrets: Array<string> = []
    const entries: Array<[string, RecordedValue]> = []
    for (const [name, inner = null] of Object.entries<RecordedValue | undefined>(value)) {
      const expanded = yield* expandValue(inner, variables)
      entries.push([name, expanded.value])
      secrets.push(...expanded.secrets)
    }
    return {
      value: Array.isArray(value) ? entries.map(([, item]) => item) : Object.fromEntries(entries),
      secrets,
    }
  })

/** Fields that the client itself puts into a body, in any protocol: another value would make answers unreadable. */
const ownFields = ["messages", "input", "contents", "model", "stream"]

/** Reads the JSON of `--extra-body`. */
export const extraBodyOf = Effect.fn("Cli.extraBody")(function* (text: string, variables: Variables) {
  const parsed = parseJson(text)
  if (!isFields(parsed))
    return yield* new UsageError({
      message: `--extra-body must be a JSON object, as in --extra-body '{"seed": 7}'`,
    })
  const own = ownFields.find((name) => Object.hasOwn(parsed, name))
  if (own !== undefined)
    return yield* new UsageError({
      message: `--extra-body must not have the field ${own}, which every request has`,
    })
  const { value, secrets } = yield* expandValue(parsed, variables)
  return { value: isFields(value) ? value : {}, secrets } satisfies Expanded<RecordedFields>
})
