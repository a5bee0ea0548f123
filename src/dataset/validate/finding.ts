import { join } from "node:path"
import { Effect } from "effect"
import * as v from "valibot"
import { sha256 } from "../../plan/fingerprint.ts"
import type { CallFiles } from "../layout.ts"
import type { Outcome } from "../records.ts"
import { promptDigest, readBytes, readText } from "../store.ts"

/** Something wrong in a dataset folder: the file, relative to the video's folder, and a sentence. */
export interface Finding {
  readonly file: string
  readonly message: string
}

export const finding = (file: string, message: string): Finding => ({ file, message })

/** A file read and decoded, or why that failed. Exactly one of the two. */
export interface Loaded<A> {
  readonly value: A | undefined
  readonly findings: ReadonlyArray<Finding>
}

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
  const text = yield* readText(join(root, file))
  if (text === undefined) return failed("is missing")
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return failed("is not valid JSON")
  }
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
  const texts = yield* Effect.all({
    system: readText(join(root, dir, files.systemPrompt)),
    user: readText(join(root, dir, files.userPrompt)),
    reply: readText(join(root, dir, files.rawResponse)),
  })
  const missing = [
    [files.systemPrompt, texts.system],
    [files.userPrompt, texts.user],
    [files.rawResponse, texts.reply],
  ].flatMap(([name, text]) =>
    text === undefined
      ? [finding(`${dir}/${name}`, "is missing")]
      : text.trim() === ""
        ? [finding(`${dir}/${name}`, "is empty")]
        : [],
  )
  if (missing.length > 0 || outcome === undefined) return missing
  const { system = "", user = "", reply = "" } = texts
  return [
    ...(promptDigest(system, user) === outcome.prompts_sha256
      ? []
      : [finding(`${dir}/${files.userPrompt}`, "or the system prompt differs from what was sent (sha256)")]),
    ...(sha256(reply) === outcome.raw_response_sha256
      ? []
      : [finding(`${dir}/${files.rawResponse}`, "differs from the reply that was received (sha256)")]),
  ]
})

type Kind = "JPEG picture" | "MP4 clip"

const hasSignature = (bytes: Uint8Array, kind: Kind): boolean =>
  kind === "JPEG picture"
    ? bytes[0] === 0xff && bytes[1] === 0xd8 && bytes.at(-2) === 0xff && bytes.at(-1) === 0xd9
    : Buffer.from(bytes.subarray(4, 8)).toString("latin1") === "ftyp"

/** A media file's bytes with findings about its absence, emptiness or wrong format. */
export const loadMedia = Effect.fn("Validate.media")(function* (root: string, file: string, kind: Kind) {
  const bytes = yield* readBytes(join(root, file))
  const message =
    bytes === undefined
      ? "is missing"
      : bytes.length === 0
        ? "is empty"
        : hasSignature(bytes, kind)
          ? undefined
          : `is not a whole ${kind}`
  return { bytes, findings: message === undefined ? [] : [finding(file, message)] }
})
