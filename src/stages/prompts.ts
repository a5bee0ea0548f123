import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { toJsonSchema } from "@valibot/to-json-schema"
import { Data, Effect } from "effect"
import type * as v from "valibot"
import type { Granularity, StageOptions } from "../config.ts"
import { contractVersion } from "../dataset/run-summary.ts"
import type { SchemaParts } from "../dataset/schema-parts.ts"
import { hasCode } from "../files/fault.ts"
import { unreadableText } from "../files/fault-text.ts"
import { readNamedText } from "../files/plain.ts"
import type { AnnotationSchema } from "../plan/annotation.ts"
import { fingerprint, sha256 } from "../plan/fingerprint.ts"
import { isContractRange } from "../plan/step-range.ts"
import type { Wording } from "./prompt-part.ts"
import { type Usable, usedStages } from "./used.ts"
import { type GivenForm, type ruleNames, type WordingName, wordingOf } from "./wording.ts"

/** A prompt, and what is filled into it. */
export interface PromptTemplate<Slot extends string = string> {
  /** Name of its file, without folder and ending. */
  readonly file: string
  /** The text itself, of a stage that brings its own; no file is read then. */
  readonly text?: string
  /** Parts of its text that what the run is told decides; a prompt of one's own need not have them. */
  readonly wording?: ReadonlyArray<WordingName>
  /** Its placeholders, each with a text of about the usual length, to estimate by. All must occur, and no others. */
  readonly slots: Readonly<Record<Slot, string>>
}

/** A text of so many characters, for a placeholder whose text is not known yet. */
export const textOfLength = (characters: number): string => "x".repeat(characters)

/** What a stage asks a model with. */
export interface Asks {
  readonly prompt: PromptTemplate
  /** What the form of its answers is called in the schema fingerprint. */
  readonly answer: string
  readonly schema: (annotation: AnnotationSchema) => v.GenericSchema
  /** Tokens of an answer, as long as none was seen. */
  readonly answerTokens: number
  /** Set if it asks for every step by itself. */
  readonly isPerStep?: true
}

const ending = ".md"

/** What to do about a file of the project that is of no use. */
const reinstall = "reinstall the project"

const system: PromptTemplate<never> = { file: "system", slots: {}, wording: ["language"] }

/** A prompt file is missing or no text, or its placeholders are not those the stages fill in. */
export class PromptError extends Data.TaggedError("PromptError")<{
  readonly file: string
  readonly message: string
}> {}

/** The prompts of one annotation schema and the fingerprint over them, the schema and the contract's version. */
export interface Prompts {
  readonly system: string
  readonly fill: <Slot extends string>(
    template: PromptTemplate<Slot>,
    values: Readonly<Record<Slot, string>>,
  ) => string
  /** SHA-256, 64 hex digits. Stages that bring their own text are not in it: their answers depend on that by themselves. */
  readonly fingerprint: string
  /** Those of runs with fewer of the stages that options switch on: what they add may be added to what such a run has made. */
  readonly lesserFingerprints: ReadonlyArray<string>
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
  parts: ReadonlyArray<readonly [string, Wording]>,
): ReadonlyArray<string> => {
  const found = new Set([...text.matchAll(slot)].map((match) => match[1] ?? ""))
  const lacks = (name: string): string => `${file} lacks the placeholder {{${name}}}`
  return [
    ...wanted.filter((name) => !found.has(name)).map(lacks),
    ...parts.flatMap(([name, { flag }]) =>
      flag === undefined || found.has(name) ? [] : [`${lacks(name)}, which ${flag} needs`],
    ),
    ...[...found]
      .filter((name) => !wanted.includes(name) && !parts.some(([part]) => part === name))
      .map((name) => `${file} has an unknown placeholder {{${name}}}`),
  ]
}

/** The text with what there is for its placeholders; the others stay. */
const fill = (template: string, values: Readonly<Record<string, string>>): string =>
  template.replace(slot, (placeholder, name: string) => values[name] ?? placeholder)

/** Prompts are a few kilobytes; all of one goes into every request. */
const largestPrompt = 1 << 20

/** Why a prompt file is of no use, as the rest of a sentence about it. */
const because = (cause: unknown): string =>
  hasCode(cause, "ENOENT", "ENOTDIR") ? "is missing" : unreadableText(cause)

/** Where prompt files are, `<path>/<file>.md`, and what to do about one that is of no use. */
interface PromptPlace {
  readonly path: string
  readonly wayOut: string
}

/** The text of a prompt file. Some package managers put links in the place of files. */
const readPrompt = (file: string, wayOut: string) =>
  Effect.tryPromise({
    try: () => readNamedText(file, largestPrompt),
    catch: (cause) =>
      new PromptError({ file, message: `the prompt file ${file} ${because(cause)}; ${wayOut}` }),
  })

/** Where the prompt files of the project are: `<folder>/<annotation schema>/<file>.md`. */
export const promptFolder = fileURLToPath(new URL("../../prompts/", import.meta.url))

/** What a run is told beside what every run is told. */
export interface GivenWording extends GivenForm, StageOptions {
  /** A folder like `promptFolder`: the files in it stand in for the project's, one by one. */
  readonly prompts?: string
  /** What the video is of, in words that the model is given with every question. */
  readonly task?: string
}

/** All choices of some of a few things, none and all of them included. */
const subsetsOf = <A>([first, ...others]: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> => {
  if (first === undefined) return [[]]
  const without = subsetsOf(others)
  return [...without, ...without.map((subset) => [first, ...subset])]
}

/** A prompt as it is filled in and sent. */
const normal = (text: string): string => text.replaceAll("\r\n", "\n").trim()

/** The text of a prompt, checked. */
const loadPrompt = Effect.fnUntraced(function* (
  { path, wayOut }: PromptPlace,
  { file: name, slots, text, wording = [] }: PromptTemplate,
  wordings: Readonly<Record<WordingName, Wording>>,
) {
  const file = join(path, `${name}${ending}`)
  const read = normal(text ?? (yield* readPrompt(file, wayOut)))
  const parts = wording.map((part) => [part, wordings[part]] as const)
  const problems =
    read === ""
      ? [`the prompt file ${file} is empty; ${wayOut}`]
      : checkPlaceholders(file, read, Object.keys(slots), parts)
  if (problems.length > 0) return yield* new PromptError({ file, message: problems.join("; ") })
  const added = parts.flatMap(([part, { sentence }]) =>
    sentence === undefined || read.includes(`{{${part}}}`) ? [] : [sentence],
  )
  const filled = fill(read, Object.fromEntries(parts.map(([part, { text: wanted }]) => [part, wanted])))
  return [filled, ...added].join("\n\n")
})

/** The rules that a granularity gives the prompts, by their names. */
const loadRules = Effect.fnUntraced(function* (folder: string, granularity: Granularity = "causal") {
  const path = join(folder, "granularity", granularity)
  const read = (name: (typeof ruleNames)[number]) =>
    Effect.map(readPrompt(join(path, `${name}${ending}`), reinstall), normal)
  return yield* Effect.all({ step_rule: read("step_rule"), repetition_rule: read("repetition_rule") })
})

/** The names of the prompts in a folder of one's own. One that no stage asks with is a slip of the pen, and would go unnoticed. */
const ownPrompts = Effect.fnUntraced(function* (path: string, known: ReadonlyArray<string>) {
  const refuse = (message: string) => new PromptError({ file: path, message })
  const names = yield* Effect.tryPromise({
    try: () => readdir(path),
    catch: (cause) => refuse(`the folder of prompts ${path} ${because(cause)}; check --prompts`),
  })
  const found = names.filter((name) => name.endsWith(ending)).map((name) => name.slice(0, -ending.length))
  const list = known.map((name) => `${name}${ending}`).join(", ")
  const unknown = found.find((name) => !known.includes(name))
  if (unknown !== undefined)
    return yield* refuse(`${join(path, unknown)}${ending} is no prompt; there are ${list}`)
  if (found.length === 0) return yield* refuse(`${path} has no prompt in it; there are ${list}`)
  return new Set(found)
})

/** The system prompt with what is known of the video. */
const withTask = (text: string, task: string | undefined): string =>
  task === undefined
    ? text
    : `${text}\n\n# What is known\n\nThe video is said to show this: ${task.trim()}\n\nWhere the images show something else, the images are right.`

/**
 * Reads and checks the prompts that stages ask with in an annotation schema: for each video, before anything of it is made, and
 * once more by the command line before it begins.
 */
export const loadPrompts = Effect.fn("Prompts.load")(function* (
  annotation: AnnotationSchema,
  stages: ReadonlyArray<Usable & { readonly asks?: Asks }>,
  wording: GivenWording = {},
  folder = promptFolder,
) {
  const { outcome = false, stepList, steps } = annotation
  const { frameTimes = false, granularity, language, poolSheet, prompts: given, stepSheet, task } = wording
  const asked = usedStages(stages, wording).flatMap(({ asks }) => asks ?? [])
  const templates = [system, ...asked.map(({ prompt }) => prompt)]
  const shipped = { path: join(folder, annotation.name), wayOut: reinstall }
  const own = { path: join(given ?? "", annotation.name), wayOut: "correct it, or leave --prompts out" }
  const rules = yield* loadRules(folder, granularity)
  const wordings = wordingOf(annotation, wording, rules)
  // A folder of one's own may have prompts of stages that this run has not.
  const all = [system, ...stages.flatMap(({ asks }) => asks?.prompt ?? [])]
  const known = all.flatMap(({ file, text }) => (text === undefined ? [file] : []))
  const isOwn = given === undefined ? new Set<string>() : yield* ownPrompts(own.path, known)
  const loaded = yield* Effect.forEach(templates, (prompt) =>
    Effect.map(loadPrompt(isOwn.has(prompt.file) ? own : shipped, prompt, wordings), (text) => ({
      prompt,
      text,
    })),
  )
  // What a stage brings is its own, whatever it is called.
  const texts = new Map(
    loaded.flatMap(({ prompt, text }) => (prompt.text === undefined ? [[prompt.file, text]] : [])),
  )
  const ofFiles = asked.filter(({ prompt }) => prompt.text === undefined)
  const answersTo = (questions: ReadonlyArray<Asks>) =>
    Object.fromEntries(questions.map(({ answer, schema }) => [answer, jsonSchema(schema(annotation))]))
  const answers = answersTo(ofFiles)
  const fingerprintOf = (questions: ReadonlyArray<Asks>) => {
    const files = [system, ...questions.map(({ prompt }) => prompt)].map(({ file }) => file)
    return fingerprint({
      contractVersion,
      annotation: annotation.name,
      ...answersTo(questions),
      prompts: Object.fromEntries(files.map((file) => [file, texts.get(file)])),
      ...(task === undefined ? {} : { task }),
    })
  }
  const plain = usedStages(stages, {}).flatMap(({ asks }) => asks ?? [])
  const added = ofFiles.filter((asks) => !plain.includes(asks))
  return {
    system: withTask(texts.get(system.file) ?? "", task),
    fill: ({ file, text }, values) =>
      fill(text === undefined ? (texts.get(file) ?? "") : normal(text), values),
    fingerprint: fingerprintOf(ofFiles),
    lesserFingerprints: subsetsOf(added)
      .filter((left) => left.length < added.length)
      .map((left) => fingerprintOf(ofFiles.filter((asks) => plain.includes(asks) || left.includes(asks)))),
    parts: {
      contract_version: contractVersion,
      annotation_schema: annotation.name,
      answers: fingerprint(answers),
      prompts: Object.fromEntries([...texts].map(([file, text]) => [file, sha256(text)])),
      ...(task === undefined ? {} : { task }),
      ...(isContractRange(steps) ? {} : { steps: { min: steps.min, max: steps.max } }),
      ...(stepList === undefined ? {} : { step_list: [...stepList] }),
      ...(granularity === undefined || granularity === "causal" ? {} : { granularity }),
      ...(language === undefined ? {} : { language }),
      ...(poolSheet === undefined ? {} : { input: "sheets" as const }),
      ...(stepSheet === undefined ? {} : { step_input: "sheets" as const }),
      ...(frameTimes ? { frame_times: true as const } : {}),
      ...(outcome ? { outcome } : {}),
    },
  } satisfies Prompts
})
