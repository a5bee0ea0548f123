import { Effect, Option, Redacted } from "effect"
import * as v from "valibot"
import type { OpenAiSettings } from "../model/openai.ts"
import { UsageError } from "./usage.ts"

/** The model flags as the command line gives them. */
export interface ModelFlags {
  readonly rehearsal: boolean
  readonly apiKey: Option.Option<Redacted.Redacted>
  readonly apiBase: Option.Option<string>
  readonly provider: Option.Option<string>
  readonly modelName: Option.Option<string>
  readonly maxTokens: Option.Option<number>
  readonly temperature: Option.Option<number>
  readonly apiCallRetries: number
  readonly apiCallRetryBackoffSec: number
}

const defaultApiBase = "https://api.openai.com/v1"
const defaultModel = "gpt-4.1"
const defaultTemperature = 0.2

const filled = v.optional(v.pipe(v.string(), v.trim()))
const numeric = (min: number, max: number) =>
  v.optional(v.pipe(v.string(), v.trim(), v.transform(Number), v.number(), v.minValue(min), v.maxValue(max)))

const environmentSchema = v.object({
  API_KEY: filled,
  API_BASE_URL: filled,
  MODEL_PROVIDER_ID: filled,
  MODEL_NAME: filled,
  MAX_TOKENS: v.pipe(numeric(1, 10_000_000), v.optional(v.pipe(v.number(), v.integer()))),
  TEMPERATURE: numeric(0, 2),
})

const requirements: Readonly<Record<string, string>> = {
  MAX_TOKENS: "a whole number from 1",
  TEMPERATURE: "a number from 0 to 2",
}

const readEnvironment = (env: Readonly<Record<string, string | undefined>>) => {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()))
  const parsed = v.safeParse(environmentSchema, given)
  if (parsed.success) return Effect.succeed(parsed.output)
  const name = String(parsed.issues[0].path?.[0]?.key ?? "")
  return new UsageError({
    message: `the environment variable ${name} must be ${requirements[name] ?? "text"}`,
  })
}

const noModel = `no model to ask. Three ways on:
  1. a key: set API_KEY (or --api-key) for ${defaultApiBase};
  2. an endpoint: set API_BASE_URL (or --api-base) to any OpenAI-compatible service, with its key if it needs one;
  3. --rehearsal: an offline stand-in, to try everything else without a key.`

/**
 * Decides which model is asked. A flag wins over the environment, `--rehearsal` over both.
 *
 * @returns undefined for the rehearsal
 */
export const resolveModel = Effect.fn("Cli.resolveModel")(function* (
  flags: ModelFlags,
  env: Readonly<Record<string, string | undefined>>,
) {
  if (flags.rehearsal) return undefined
  const environment = yield* readEnvironment(env)
  const either = <A>(flag: Option.Option<A>, other: A | undefined): A | undefined =>
    Option.getOrElse(flag, () => other)
  const apiKey = either(
    Option.filter(flags.apiKey, (key) => Redacted.value(key).trim() !== ""),
    environment.API_KEY === undefined ? undefined : Redacted.make(environment.API_KEY),
  )
  const apiBase = either(flags.apiBase, environment.API_BASE_URL)
  if (apiKey === undefined && apiBase === undefined) return yield* new UsageError({ message: noModel })
  const address = URL.parse(apiBase ?? defaultApiBase)
  if (address === null || !["http:", "https:"].includes(address.protocol)) {
    return yield* new UsageError({
      message: "--api-base must be an address that starts with http:// or https://",
    })
  }
  const provider = either(flags.provider, environment.MODEL_PROVIDER_ID)
  const maxTokens = either(flags.maxTokens, environment.MAX_TOKENS)
  return {
    ...(apiKey === undefined ? {} : { apiKey }),
    apiBase: apiBase ?? defaultApiBase,
    ...(provider === undefined ? {} : { provider }),
    model: either(flags.modelName, environment.MODEL_NAME) ?? defaultModel,
    ...(maxTokens === undefined ? {} : { maxTokens }),
    temperature: either(flags.temperature, environment.TEMPERATURE) ?? defaultTemperature,
    callRetries: flags.apiCallRetries,
    callRetryBackoffSec: flags.apiCallRetryBackoffSec,
  } satisfies OpenAiSettings
})
