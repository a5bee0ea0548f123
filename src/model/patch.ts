import * as v from "valibot"
import { type Problem, type ProblemCode, problem } from "../plan/problem.ts"

/** Rules that concern the answer as a whole: no single field corrects them. */
const wholeAnswer: ReadonlySet<ProblemCode> = new Set([
  "not_json",
  "too_large",
  "truncated",
  "step_count",
  "step_set",
  "keyframe_count",
  "bad_patch",
])

const mostFields = 12

const patchSchema = v.strictObject({
  patch: v.pipe(
    v.array(
      v.union([
        v.strictObject({ path: v.string(), value: v.unknown() }),
        v.strictObject({ path: v.string(), remove: v.literal(true) }),
      ]),
    ),
    v.minLength(1),
  ),
})

type Change = v.InferOutput<typeof patchSchema>["patch"][number]

/** The keys of a path such as `$.steps[0].step_goal`; undefined if it is none. A key may hold anything but `.`, `[` and `]`. */
const keysOf = (path: string): ReadonlyArray<string | number> | undefined => {
  if (!/^\$(?:\.[^.[\]]+|\[\d+\])+$/u.test(path)) return undefined
  return [...path.matchAll(/\.([^.[\]]+)|\[(\d+)\]/gu)].map(([, name, index]) => name ?? Number(index))
}

/** A change must be of a field that was complained about, or of one inside or around it. */
const isAllowed = (path: string, problems: ReadonlyArray<Problem>): boolean =>
  problems.some(({ path: wrong }) => {
    const inside = path === wrong || path.startsWith(`${wrong}.`) || path.startsWith(`${wrong}[`)
    return inside || wrong.startsWith(`${path}.`) || wrong.startsWith(`${path}[`)
  })

const parentAt = (root: object, keys: ReadonlyArray<string | number>): object | undefined => {
  let node: unknown = root
  for (const key of keys.slice(0, -1)) {
    if (typeof node !== "object" || node === null || !Object.hasOwn(node, key)) return undefined
    node = Reflect.get(node, key)
  }
  return typeof node === "object" && node !== null ? node : undefined
}

/** Problems of a field that is there: their path may be that of another, if a key holds a dot or the path was cut. */
const ofPresentField: ReadonlySet<ProblemCode> = new Set(["unknown_key", "forbidden_key"])

/** Whether a patch of the field that a problem is about would be taken. */
const canBeNamed = (base: object, { path, code }: Problem): boolean => {
  const keys = keysOf(path)
  const last = keys?.at(-1)
  if (keys === undefined || last === undefined) return false
  if (!ofPresentField.has(code)) return true
  const parent = parentAt(base, keys)
  return parent !== undefined && Object.hasOwn(parent, last)
}

/** Whether these problems of an answer can be corrected field by field. */
export const isPatchable = (base: object, problems: ReadonlyArray<Problem>): boolean =>
  problems.length <= mostFields &&
  problems.every((one) => !wholeAnswer.has(one.code) && canBeNamed(base, one))

const applyChange = (root: object, change: Change): boolean => {
  const keys = keysOf(change.path) ?? []
  const parent = parentAt(root, keys)
  const last = keys.at(-1)
  if (parent === undefined || last === undefined || (Array.isArray(parent) && Number(last) > parent.length))
    return false
  if ("value" in change) {
    // Not an assignment: a field called __proto__ is a field like any other.
    const own = { value: change.value, enumerable: true, configurable: true, writable: true }
    return Reflect.defineProperty(parent, last, own)
  }
  return Array.isArray(parent)
    ? parent.splice(Number(last), 1).length === 1
    : Reflect.deleteProperty(parent, last)
}

export type Merged =
  | { readonly ok: true; readonly value: object; readonly wasPatch: boolean }
  | { readonly ok: false; readonly problem: Problem }

const refused = (message: string): Merged => ({ ok: false, problem: problem("$", "bad_patch", message) })

/**
 * Puts a patch into the answer it corrects. An answer that is no patch is taken for the whole object. A patch may change only
 * what was complained about; nothing of it is applied if a part of it cannot be.
 */
export const mergePatch = (base: object, answer: object, problems: ReadonlyArray<Problem>): Merged => {
  if (!Object.hasOwn(answer, "patch")) return { ok: true, value: answer, wasPatch: false }
  const parsed = v.safeParse(patchSchema, answer)
  if (!parsed.success) {
    return refused(
      'a patch must be {"patch": [{"path": "$...", "value": ...}]}; answer with the whole object instead',
    )
  }
  const value = structuredClone(base)
  for (const change of parsed.output.patch) {
    if (keysOf(change.path) === undefined || !isAllowed(change.path, problems)) {
      return refused(
        `the patch changes ${change.path}, which was not asked for; answer with the whole object instead`,
      )
    }
    if (!applyChange(value, change)) {
      return refused(
        `the patch changes ${change.path}, which does not exist; answer with the whole object instead`,
      )
    }
  }
  return { ok: true, value, wasPatch: true }
}

/** How a patch is asked for. */
export const patchInstruction = [
  "Answer with the corrected fields only, as one JSON object of this form and nothing else:",
  '{"patch": [{"path": "<one of the paths above>", "value": <its new value>}]}',
  'A field that must go is {"path": "<path>", "remove": true}. All other fields stay as they are.',
].join("\n")
