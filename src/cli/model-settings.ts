import { Effect, Option, Redacted } from "effect"
import * as v from "valibot"
import { priceOf } from "../model/money.ts"
import type { OpenAiSettings } from "../model/openai.ts"
import type { ResponseFormat } from "../model/VisionModel.ts"
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
  readonly maxInFlight: Option.Option<number>
  readonly rpm: Option.Option<number>
  readonly tpm: Option.Option<number>
  readonly responseFormat: "auto" | ResponseFormat
  readonly stream: boolean
  readonly priceIn: Option.Option<number>
  readonly priceCached: Option.Option<number>
  readonly priceOut: Option.Option<number>
  readonly maxCost: Option.Option<number>
  readonly maxTokensTotal: Option.Option<number>
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

/** The flags that are given, under the names of the settings; absent ones stay absent. */
const given = <K extends string>(
  options: Readonly<Record<K, Option.Option<number>>>,
): Partial<Record<K, number>> => {
  const entries: Array<[string, number]> = []
  for (const [name, option] of Object.entries<Option.Option<number>>(options)) {
    if (Option.isSome(option)) entries.push([name, option.value])
  }
  return Object.fromEntries(entries) as Partial<Record<K, number>>
}

/** Limits, budget and prices, which hold whatever the service. */
export const accountOf = (flags: ModelFlags) => ({
  limits: given({ maxInFlight: flags.maxInFlight, rpm: flags.rpm, tpm: flags.tpm }),
  budget: given({ maxCost: flags.maxCost, maxTokensTotal: flags.maxTokensTotal }),
  price: given({ in: flags.priceIn, cached: flags.priceCached, out: flags.priceOut }),
})

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
  const model = either(flags.modelName, environment.MODEL_NAME) ?? defaultModel
  const account = accountOf(flags)
  if (account.budget.maxCost !== undefined && priceOf(model, account.price) === undefined) {
    const message = `--max-cost needs the price of ${model}: give --price-in and --price-out, or add it to src/model/prices.json`
    return yield* new UsageError({ message })
  }
  const provider = either(flags.provider, environment.MODEL_PROVIDER_ID)
  const maxTokens = either(flags.maxTokens, environment.MAX_TOKENS)
  return {
    ...(apiKey === undefined ? {} : { apiKey }),
    apiBase: apiBase ?? defaultApiBase,
    ...(provider === undefined ? {} : { provider }),
    model,
    ...(maxTokens === undefined ? {} : { maxTokens }),
    temperature: either(flags.temperature, environment.TEMPERATURE) ?? defaultTemperature,
    ...account,
    responseFormat: flags.responseFormat,
    stream: flags.stream,
    callRetries: flags.apiCallRetries,
    callRetryBackoffSec: flags.apiCallRetryBackoffSec,
  } satisfies OpenAiSettings
})
