/** What kind of rule a reply broke. Stable: tests, error files and reports refer to it. */
export type ProblemCode =
  | "not_json"
  | "too_large"
  | "truncated"
  | "unknown_key"
  | "missing"
  | "wrong_type"
  | "empty"
  | "not_a_token"
  | "placeholder_text"
  | "frame_reference"
  | "time_reference"
  | "forbidden_key"
  | "step_count"
  | "step_id_order"
  | "duplicate_goal"
  | "unlisted_goal"
  | "missing_goal"
  | "repeated_goal"
  | "step_set"
  | "index_range"
  | "empty_range"
  | "overlap"
  | "same_timestamp"
  | "too_short"
  | "changed_step"
  | "keyframe_count"
  | "keyframe_order"
  | "chain_mismatch"
  | "agent_missing"
  | "patient_missing"
  | "what_if"
  | "long_goal"
  | "normalised"
  | "more_problems"
  | "bad_patch"

/** One broken rule: where (a JSON path from `$`), which, and a sentence that tells the model what to change. */
export interface Problem {
  readonly path: string
  readonly code: ProblemCode
  readonly message: string
}

/**
 * The outcome of a check: the normalised value with warnings, or every problem at once. `input` is the reply with what has one
 * meaning rewritten: it is what the paths of the problems lead into.
 */
export type Checked<A> =
  | { readonly ok: true; readonly value: A; readonly warnings: ReadonlyArray<Problem> }
  | { readonly ok: false; readonly problems: ReadonlyArray<Problem>; readonly input?: unknown }

const longestPath = 200
const longestMessage = 600
const longestQuotation = 80

const cut = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`

/** The beginning of what a sentence quotes from a reply. */
export const shortened = (text: string): string => cut(text, longestQuotation)

/** Control characters, of which a terminal or a database could take harm, and halves of surrogate pairs. */
const unprintable = /[\p{Cc}\p{Cs}]/gu

/** A text of a reply as a sentence may hold it: in quotation marks, on one line, at most 80 characters. */
export const quoted = (text: string): string => `"${shortened(text).replace(unprintable, "\uFFFD")}"`

/** A problem; what it takes from a reply is cut and made printable. */
export const problem = (path: string, code: ProblemCode, message: string): Problem => ({
  path: cut(path, longestPath).replace(unprintable, "\uFFFD"),
  code,
  message: cut(message, longestMessage).replace(unprintable, "\uFFFD"),
})

/** More are not told one by one: a reply of a megabyte can break a rule in every line. */
const mostProblems = 100

const moreMessage = "more problems of these kinds"

/** At most 100 problems; the last one then says how many more there are. */
export const bounded = (problems: ReadonlyArray<Problem>): ReadonlyArray<Problem> => {
  const kept = problems.slice(0, mostProblems)
  const more = problems.length - kept.length
  return more === 0 ? kept : [...kept, problem("$", "more_problems", `${more} ${moreMessage}`)]
}

/** How many problems a bounded list stands for. */
export const countProblems = (problems: ReadonlyArray<Problem>): number =>
  problems.reduce(
    (sum, { code, message }) => sum + (code === "more_problems" ? Number.parseInt(message, 10) : 1),
    0,
  )

/** One line per problem, `path: sentence`, as shown to the model and to users. */
export const problemLine = (p: Problem): string => `${p.path}: ${p.message}`

/** Accepts only if there are no problems. Problems of the same path and code are reported once, 100 at most. */
export const checked = <A>(
  value: A | undefined,
  problems: ReadonlyArray<Problem>,
  warnings: ReadonlyArray<Problem> = [],
  input?: unknown,
): Checked<A> => {
  const unique = [...new Map(problems.map((p) => [`${p.path}\n${p.code}`, p])).values()]
  if (unique.length > 0) return { ok: false, problems: bounded(unique), input }
  if (value === undefined) return { ok: false, problems: [problem("$", "wrong_type", "must be an object")] }
  return { ok: true, value, warnings: bounded(warnings) }
}
