import * as v from "valibot"
import { type Problem, problem, quoted, shortened } from "./problem.ts"
import { identifier } from "./slug.ts"
import { breaksTextRule } from "./text-rules.ts"

/** Free text: trimmed, not empty. */
export const text = v.pipe(v.string(), v.trim(), v.nonEmpty())

/** A name that breaks no rule as it was given, but would on disk: `(none)`, `5's`. */
const isSpoiltBySlug = (given: string): boolean => !breaksTextRule(given) && breaksTextRule(identifier(given))

/** A name of a thing, normalised to a slug. */
export const name = v.pipe(
  text,
  v.check((given) => !isSpoiltBySlug(given), "must be a name, also without its punctuation"),
  v.transform(identifier),
  v.nonEmpty(),
)

/** A snake_case token such as `on_top_of`: taken as it is, at most 40 characters. */
export const token = v.pipe(
  text,
  v.maxLength(40),
  v.regex(/^[\p{Ll}\p{Lo}\p{N}]+(?:_[\p{Ll}\p{Lo}\p{N}]+)*$/u, "must be one snake_case token"),
)

/** A non-empty list without repetitions, in the order given. */
export const listOf = <S extends v.GenericSchema>(item: S) =>
  v.pipe(
    v.array(item),
    v.minLength(1),
    v.transform(
      (items): Array<v.InferOutput<S>> => [
        ...new Map(items.map((entry) => [JSON.stringify(entry), entry])).values(),
      ],
    ),
  )

/** A whole number, as JSON writes it. */
export const integer = v.pipe(v.number(), v.integer())

const pathText = (path: ReadonlyArray<v.IssuePathItem>): string =>
  path.reduce((text, { key }) => text + (typeof key === "number" ? `[${key}]` : `.${String(key)}`), "$")

const isUnknownKey = (issue: v.BaseIssue<unknown>): boolean =>
  issue.type === "strict_object" && issue.expected === "never"

const isMissing = (issue: v.BaseIssue<unknown>): boolean =>
  issue.type === "strict_object" && issue.received === "undefined" && issue.expected?.startsWith('"') === true

const typeNames: Record<string, string> = { Array: "a list", Object: "an object" }

const toProblem = (issue: v.BaseIssue<unknown>): Problem => {
  const path = pathText(issue.path ?? [])
  const given = shortened(issue.received)
  if (isMissing(issue))
    return problem(path, "missing", `the field "${String(issue.path?.at(-1)?.key)}" is missing`)
  if (issue.type === "non_empty" || issue.type === "min_length")
    return problem(path, "empty", "must not be empty")
  if (issue.type === "check") return problem(path, "placeholder_text", `${given} ${issue.message}`)
  if (issue.type === "max_length") {
    return problem(path, "not_a_token", "must be one snake_case token of at most 40 characters")
  }
  if (issue.type === "regex") {
    return problem(
      path,
      "not_a_token",
      `${given} must be one snake_case token: lower-case letters, digits and single underscores`,
    )
  }
  if (issue.type === "picklist") {
    const choices = issue.expected?.replaceAll(/[()]/gu, "").replaceAll(" | ", ", ")
    return problem(path, "wrong_type", `must be one of ${choices}, not ${given}`)
  }
  if (issue.type === "integer") return problem(path, "wrong_type", `must be a whole number, not ${given}`)
  const expected = typeNames[issue.expected ?? ""] ?? `a ${issue.expected}`
  return problem(path, "wrong_type", `must be ${expected}, not ${given}`)
}

/** The keys that a schema allows in the object at a path: objects lie in objects and in lists. */
const keysAllowedAt = (
  schema: v.GenericSchema,
  path: ReadonlyArray<v.IssuePathItem>,
): ReadonlySet<string> => {
  const node = path.reduce<unknown>(
    (parent, { type, key }) =>
      type === "array" ? fieldOf(parent, "item") : fieldOf(fieldOf(parent, "entries"), String(key)),
    schema,
  )
  return new Set(Object.keys(Object(fieldOf(node, "entries"))))
}

/** Takes the keys that are not part of the format out of the object that an issue is about, and names each. */
const takeUnknownKeys = (schema: v.GenericSchema, issue: v.BaseIssue<unknown>): ReadonlyArray<Problem> => {
  const path = issue.path ?? []
  const parent: unknown = path.at(-1)?.input
  if (typeof parent !== "object" || parent === null) return []
  const allowed = keysAllowedAt(schema, path.slice(0, -1))
  const where = pathText(path.slice(0, -1))
  return Object.keys(parent)
    .filter((key) => !allowed.has(key))
    .map((key) => {
      Reflect.deleteProperty(parent, key)
      return problem(`${where}.${key}`, "unknown_key", `the field ${quoted(key)} is not part of the format`)
    })
}

/** What `parseShape` found: the normalised value if the shape is right, the input without unknown keys, and the problems. */
export interface Shape<A> {
  readonly value: A | undefined
  readonly known: unknown
  readonly problems: ReadonlyArray<Problem>
}

/**
 * Decodes an unknown JSON value with a valibot schema and reports all problems, also every unknown key: valibot stops at
 * the first one of an object, so all of an object are taken out when it names one.
 */
export const parseShape = <S extends v.GenericSchema>(schema: S, input: unknown): Shape<v.InferOutput<S>> => {
  const known: unknown = structuredClone(input)
  const unknownKeys: Array<Problem> = []
  for (;;) {
    const result = v.safeParse(schema, known)
    const extra = (result.issues ?? []).filter(isUnknownKey)
    if (extra.length === 0) {
      const perPath = new Map(
        (result.issues ?? [])
          .map(toProblem)
          .toReversed()
          .map((p) => [p.path, p]),
      )
      const problems = [...unknownKeys, ...[...perPath.values()].toReversed()]
      return { value: result.success && problems.length === 0 ? result.output : undefined, known, problems }
    }
    unknownKeys.push(...extra.flatMap((issue) => takeUnknownKeys(schema, issue)))
  }
}

/** The entries of a field that should be a list; empty when it is not one. For rules that run beside a broken shape. */
export const listAt = (value: unknown, key: string): ReadonlyArray<unknown> => {
  const list = fieldOf(value, key)
  return Array.isArray(list) ? list : []
}

/** A field of a value that should be an object; undefined when it is not one. */
export const fieldOf = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? Reflect.get(value, key) : undefined
