import { join } from "node:path/posix"
import { Effect } from "effect"
import * as v from "valibot"
import { unreadableText } from "../../files/fault-text.ts"
import { parseJson } from "../../files/json.ts"
import { sha256 } from "../../plan/fingerprint.ts"
import type { DatasetError } from "../DatasetError.ts"
import { sizeLimit } from "../DatasetStore.ts"
import type { CallFiles } from "../layout.ts"
import { hasSignature, type MediaKind } from "../media.ts"
import type { Outcome } from "../run-summary.ts"
import { promptDigest, readDigest, readText } from "../store.ts"

/** Something to tell of a dataset folder: the file, relative to the video's folder, and the rest of a sentence about it. */
export interface Finding {
  readonly file: string
  readonly message: string
  /** An error breaks a rule of the contract. A warning breaks none: somebody may want to look at it. */
  readonly severity: "error" | "warning"
}

export const finding = (file: string, message: string): Finding => ({ file, message, severity: "error" })
export const warning = (file: string, message: string): Finding => ({ file, message, severity: "warning" })

/** That a field of a record is not what it must be; nothing if it is. */
export const different = (
  file: string,
  where: string,
  field: string,
  wanted: unknown,
  given: unknown,
): ReadonlyArray<Finding> =>
  wanted === given ? [] : [finding(file, `${where}.${field} must be ${String(wanted)}, not ${String(given)}`)]

/** The findings that make a folder invalid. */
export const errorsAmong = (findings: ReadonlyArray<Finding>): ReadonlyArray<Finding> =>
  findings.filter(({ severity }) => severity === "error")

/** A file read and decoded, or why that failed. Exactly one of the two. */
export interface Loaded<A> {
  readonly value: A | undefined
  readonly findings: ReadonlyArray<Finding>
}

/** Reads something of a folder. What cannot be read is told, and the check goes on with the rest. */
export const orFinding = <A, R>(
  file: string,
  read: Effect.Effect<A, DatasetError, R>,
): Effect.Effect<Loaded<A>, never, R> =>
  Effect.match(read, {
    onSuccess: (value): Loaded<A> => ({ value, findings: [] }),
    onFailure: ({ cause, message }) => ({
      value: undefined,
      // A store of an embedding program may say why in words alone.
      findings: [finding(file, unreadableText(cause ?? message))],
    }),
  })

const pathText = (issue: v.BaseIssue<unknown>): string => v.getDotPath(issue) ?? "the whole file"

/** Reads a JSON file of the folder and decodes it. */
export const loadJson = Effect.fn("Validate.loadJson")(function* <S extends v.GenericSchema>(
  root: string,
  file: string,
  schema: S,
) {
  const failed = (message: string): Loaded<v.InferOutput<S>> => ({
    value: undefined,
    findings: [finding(file, message)],
  })
  const { value: text, findings } = yield* orFinding(file, readText(join(root, file)))
  if (findings.length > 0) return { value: undefined, findings } satisfies Loaded<v.InferOutput<S>>
  if (text === undefined) return failed("is missing")
  const json = parseJson(text)
  if (json === undefined) return failed("is not valid JSON")
  const parsed = v.safeParse(schema, json)
  if (parsed.success) return { value: parsed.output, findings: [] } satisfies Loaded<v.InferOutput<S>>
  const issues = parsed.issues.map((issue) => finding(file, `${pathText(issue)}: ${issue.message}`))
  return { value: undefined, findings: issues } satisfies Loaded<v.InferOutput<S>>
})

/** The trace of a call: both prompts and the last raw reply must be there, and be what the summary says they are. */
export const traceFindings = Effect.fn("Validate.trace")(function* (
  root: string,
  dir: string,
  files: CallFiles,
  outcome: Outcome | undefined,
) {
  const names = [files.systemPrompt, files.userPrompt, files.rawResponse]
  const loaded = yield* Effect.forEach(names, (name) =>
    Effect.map(orFinding(`${dir}/${name}`, readText(join(root, dir, name))), (text) => ({ name, ...text })),
  )
  const missing = loaded.flatMap(({ name, value, findings }) => {
    if (findings.length > 0) return findings
    if (value === undefined) return [finding(`${dir}/${name}`, "is missing")]
    return value.trim() === "" ? [finding(`${dir}/${name}`, "is empty")] : []
  })
  if (missing.length > 0 || outcome === undefined) return missing
  const [system = "", user = "", reply = ""] = loaded.map(({ value }) => value)
  return [
    ...(promptDigest(system, user) === outcome.prompts_sha256
      ? []
      : [finding(`${dir}/${files.userPrompt}`, "or the system prompt differs from what was sent (sha256)")]),
    ...(sha256(reply) === outcome.raw_response_sha256
      ? []
      : [finding(`${dir}/${files.rawResponse}`, "differs from the reply that was received (sha256)")]),
  ]
})

/** The digest of a media file with findings about its absence, emptiness or wrong format. */
export const loadMedia = Effect.fn("Validate.media")(function* (root: string, file: string, kind: MediaKind) {
  const limit = kind === "JPEG picture" ? sizeLimit.picture : sizeLimit.clip
  const { value: found, findings } = yield* orFinding(file, readDigest(join(root, file), limit))
  if (findings.length > 0) return { sha256: undefined, findings }
  const message =
    found === undefined
      ? "is missing"
      : found.sizeBytes === 0
        ? "is empty"
        : hasSignature(found, kind)
          ? undefined
          : `is not a whole ${kind}`
  return { sha256: found?.sha256, findings: message === undefined ? [] : [finding(file, message)] }
})
