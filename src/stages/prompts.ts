import { realpath } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { toJsonSchema } from "@valibot/to-json-schema"
import { Data, Effect } from "effect"
import type * as v from "valibot"
import { contractVersion } from "../dataset/records.ts"
import type { SchemaParts } from "../dataset/schema-parts.ts"
import { hasCode } from "../files/fault.ts"
import { NotPlain, readPlain } from "../files/plain.ts"
import type { AnnotationSchema } from "../plan/annotation.ts"
import { draftPlanSchema } from "../plan/draft.ts"
import { fingerprint, sha256 } from "../plan/fingerprint.ts"
import { localizationSchema } from "../plan/localization.ts"

/** The placeholders of each prompt file: all of them must occur, and no others. */
const placeholders = {
  system: [],
  stage1: ["frame_count"],
  stage2: ["frame_count", "boundary_max", "step_count", "steps"],
  stage3: ["frame_count", "high_level_goal", "draft_step"],
} as const

type PromptFile = keyof typeof placeholders
type Values<F extends PromptFile> = Readonly<Record<(typeof placeholders)[F][number], string>>

/** A prompt file is missing or no text, or its placeholders are not those the stages fill in. */
export class PromptError extends Data.TaggedError("PromptError")<{
  readonly file: string
  readonly message: string
}> {}

/** The prompts of one annotation schema and the fingerprint over them, the schema and the contract's version. */
export interface Prompts {
  readonly system: string
  readonly stage1: (values: Values<"stage1">) => string
  readonly stage2: (values: Values<"stage2">) => string
  readonly stage3: (values: Values<"stage3">) => string
  /** SHA-256, 64 hex digits. */
  readonly fingerprint: string
  /** What the fingerprint is made of. */
  readonly parts: SchemaParts
}

const slot = /\{\{\s*([\w-]+)\s*\}\}/gu

const converted = new WeakMap<v.GenericSchema, ReturnType<typeof toJsonSchema>>()

/** The JSON schema of a valibot schema; what JSON schema cannot say is left out. The same schema is converted once. */
export const jsonSchema = (schema: v.GenericSchema) => {
  const json = converted.get(schema) ?? toJsonSchema(schema, { errorMode: "ignore", typeMode: "input" })
  converted.set(schema, json)
  return json
}

const checkPlaceholders = (
  file: string,
  text: string,
  wanted: ReadonlyArray<string>,
): ReadonlyArray<string> => {
  const found = new Set([...text.matchAll(slot)].map((match) => match[1] ?? ""))
  return [
    ...wanted.filter((name) => !found.has(name)).map((name) => `${file} lacks the placeholder {{${name}}}`),
    ...[...found]
      .filter((name) => !wanted.includes(name))
      .map((name) => `${file} has an unknown placeholder {{${name}}}`),
  ]
}

const fill = (template: string, values: Readonly<Record<string, string>>): string =>
  template.replace(slot, (_match, name: string) => values[name] ?? "")

/** Prompts are a few kilobytes; all of one goes into every request. */
const largestPrompt = 1 << 20

const decoder = new TextDecoder("utf-8", { fatal: true })

/** Why a prompt file is of no use, as the rest of a sentence about it. */
const because = (cause: unknown): string => {
  if (cause instanceof NotPlain) return cause.message
  if (cause instanceof TypeError) return "is not UTF-8 text"
  if (hasCode(cause, "ENOENT", "ENOTDIR")) return "is missing"
  if (hasCode(cause, "EISDIR")) return "is a folder, not a file"
  if (hasCode(cause, "EACCES", "EPERM")) return "cannot be read: permission denied"
  return `cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`
}

/** The text of a prompt file. It is the project's own, so that a link to it, as some package managers make them, is followed. */
const readPrompt = (file: string) =>
  Effect.tryPromise({
    try: async () => decoder.decode(await readPlain(await realpath(file), largestPrompt)),
    catch: (cause) =>
      new PromptError({ file, message: `the prompt file ${file} ${because(cause)}; reinstall the project` }),
  })

/** Where the prompt files are: `<folder>/<annotation schema>/{system,stage1,stage2,stage3}.md`. */
export const promptFolder = fileURLToPath(new URL("../../prompts/", import.meta.url))

/** Reads and checks the prompt files of an annotation schema. Done once at start-up, before any video is touched. */
export const loadPrompts = Effect.fn("Prompts.load")(function* (
  annotation: AnnotationSchema,
  folder = promptFolder,
) {
  const read = (name: PromptFile) => {
    const file = `${folder}${annotation.name}/${name}.md`
    return readPrompt(file).pipe(
      Effect.map((text) => text.replaceAll("\r\n", "\n").trim()),
      Effect.filterOrFail(
        (text) => text !== "",
        () => new PromptError({ file, message: `the prompt file ${file} is empty; reinstall the project` }),
      ),
      Effect.filterOrFail(
        (text) => checkPlaceholders(file, text, placeholders[name]).length === 0,
        (text) =>
          new PromptError({ file, message: checkPlaceholders(file, text, placeholders[name]).join("; ") }),
      ),
    )
  }
  const texts = yield* Effect.all({
    system: read("system"),
    stage1: read("stage1"),
    stage2: read("stage2"),
    stage3: read("stage3"),
  })
  const answers = {
    draft: jsonSchema(draftPlanSchema(annotation)),
    localization: jsonSchema(localizationSchema),
    refined: jsonSchema(annotation.finalStep),
  }
  return {
    system: texts.system,
    stage1: (values) => fill(texts.stage1, values),
    stage2: (values) => fill(texts.stage2, values),
    stage3: (values) => fill(texts.stage3, values),
    fingerprint: fingerprint({
      contractVersion,
      annotation: annotation.name,
      ...answers,
      prompts: texts,
    }),
    parts: {
      contract_version: contractVersion,
      annotation_schema: annotation.name,
      answers: fingerprint(answers),
      prompts: Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, sha256(text)])),
    },
  } satisfies Prompts
})
