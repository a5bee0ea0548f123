/** What kind of rule a reply broke. Stable: tests, error files and reports refer to it. */
export type ProblemCode =
  | "not_json"
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
  | "numbered_text"
  | "what_if"
  | "bad_patch"

/** One broken rule: where (a JSON path from `$`), which, and a sentence that tells the model what to change. */
export interface Problem {
  readonly path: string
  readonly code: ProblemCode
  readonly message: string
}

/** The outcome of a check: the normalised value with warnings, or every problem at once. */
export type Checked<A> =
  | { readonly ok: true; readonly value: A; readonly warnings: ReadonlyArray<Problem> }
  | { readonly ok: false; readonly problems: ReadonlyArray<Problem> }

export const problem = (path: string, code: ProblemCode, message: string): Problem => ({
  path,
  code,
  message,
})

/** One line per problem, `path: sentence`, as shown to the model and to users. */
export const problemLine = (p: Problem): string => `${p.path}: ${p.message}`

/** Accepts only if there are no problems. Problems of the same path and code are reported once. */
export const checked = <A>(
  value: A | undefined,
  problems: ReadonlyArray<Problem>,
  warnings: ReadonlyArray<Problem> = [],
): Checked<A> => {
  const unique = [...new Map(problems.map((p) => [`${p.path}\n${p.code}`, p])).values()]
  if (unique.length > 0) return { ok: false, problems: unique }
  if (value === undefined) return { ok: false, problems: [problem("$", "wrong_type", "must be an object")] }
  return { ok: true, value, warnings }
}
