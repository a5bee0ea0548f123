import { Effect } from "effect"
import * as v from "valibot"
import { UsageError } from "./usage.ts"

const filled = v.optional(v.pipe(v.string(), v.trim()))
const numeric = (min: number, max: number) =>
  v.optional(v.pipe(v.string(), v.trim(), v.transform(Number), v.number(), v.minValue(min), v.maxValue(max)))
const whole = (min: number, max: number) =>
  v.pipe(numeric(min, max), v.optional(v.pipe(v.number(), v.integer())))

const words: Readonly<Record<string, boolean>> = {
  "1": true,
  true: true,
  yes: true,
  y: true,
  "0": false,
  false: false,
  no: false,
  n: false,
}

const yesOrNo = v.optional(
  v.pipe(
    v.string(),
    v.trim(),
    v.toLowerCase(),
    v.transform((word) => words[word]),
    v.boolean(),
  ),
)

/** The variables that say how the model is reached. */
const modelVariables = v.object({
  API_KEY: filled,
  OPENAI_API_KEY: filled,
  API_BASE_URL: filled,
  MODEL_PROVIDER_ID: filled,
  MODEL_NAME: filled,
  MAX_TOKENS: whole(1, 10_000_000),
  TEMPERATURE: numeric(0, 2),
  API_CALL_RETRIES: whole(0, 100),
  API_CALL_RETRY_BACKOFF_SEC: numeric(0, 3600),
})

/** The variables that hold for every run, also without a model. */
const runVariables = v.object({ EMBED_INDEX_ON_API_IMAGES: yesOrNo, VERBOSE_LOGGING: yesOrNo })

export type RunEnvironment = v.InferOutput<typeof runVariables>

type Variables = Readonly<Record<string, string | undefined>>

const requirements: Readonly<Record<string, string>> = {
  MAX_TOKENS: "a whole number from 1",
  TEMPERATURE: "a number from 0 to 2",
  API_CALL_RETRIES: "a whole number from 0 to 100",
  API_CALL_RETRY_BACKOFF_SEC: "a number from 0 to 3600",
  EMBED_INDEX_ON_API_IMAGES: "1 (true, yes) or 0 (false, no)",
  VERBOSE_LOGGING: "1 (true, yes) or 0 (false, no)",
}

const read = <S extends v.GenericSchema>(
  schema: S,
  variables: Variables,
): Effect.Effect<v.InferOutput<S>, UsageError> => {
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value?.trim()))
  const parsed = v.safeParse(schema, given)
  if (parsed.success) return Effect.succeed(parsed.output)
  const name = String(parsed.issues[0].path?.[0]?.key ?? "")
  return new UsageError({
    message: `the environment variable ${name} must be ${requirements[name] ?? "text"}`,
  })
}

/**
 * The environment variables that stand for the flags of the model; those that are empty count as absent. Fails with
 * `UsageError` for one that cannot be understood.
 */
export const readModelEnvironment = (variables: Variables) => read(modelVariables, variables)

/** The same for the flags of every run. */
export const readRunEnvironment = (variables: Variables) => read(runVariables, variables)
