import { Effect, Option, Redacted } from "effect"
import { unreadableText } from "../files/fault-text.ts"
import { parseEndpoint } from "../model/client/endpoint.ts"
import { protocolIn, type ServiceSettings } from "../model/client/settings.ts"
import { wantedOf } from "../model/client/wanted.ts"
import { familyOf, readFamilies } from "../model/families.ts"
import { priceOf } from "../model/money.ts"
import { readModelEnvironment } from "./environment.ts"
import type { Flags } from "./flag.ts"
import type { model as modelFlags } from "./flags/model.ts"
import { extraBodyOf, fieldsOf, isHeaderName, requireHeaderValue } from "./request-extras.ts"
import { UsageError } from "./usage.ts"

/** The model flags as the command line gives them. */
export type ModelFlags = Flags<typeof modelFlags>

const defaultApiBase = "https://api.openai.com/v1"
/** Where vLLM serves if nothing else is said. With `--batch-dir` nobody is asked there. */
const offlineApiBase = "http://localhost:8000/v1"
const defaultModel = "gpt-4.1"
const defaultCallRetries = 3
/** Calls at half the price find no room more often, and have time. */
const flexCallRetries = 10
const defaultCallRetryBackoffSec = 1

const noModel = new UsageError({
  message: "no model to ask. Choose one:",
  ways: [
    `1. a key: set API_KEY (or OPENAI_API_KEY, or --api-key) for ${defaultApiBase};`,
    "2. an endpoint: set API_BASE_URL (or --api-base) to any OpenAI-compatible service, with its key if it needs one;",
    "3. --rehearsal: an offline stand-in, to try everything else without a key.",
  ],
})

const noOfflineModel = new UsageError({
  message: "--batch-dir needs the model that vllm run-batch is to load: give it as --model or MODEL_NAME",
})

/** The flags that are given, under the names of the settings; absent ones stay absent. */
const given = <K extends string, A>(
  options: Readonly<Record<K, Option.Option<A>>>,
): Partial<Record<K, A>> => {
  const entries: Array<[string, A]> = []
  for (const [name, option] of Object.entries<Option.Option<A>>(options)) {
    if (Option.isSome(option)) entries.push([name, option.value])
  }
  return Object.fromEntries(entries) as Partial<Record<K, A>>
}

/** Calls at half the price are made again more often, where the service has such calls. */
const defaultRetriesOf = (settings: ServiceSettings): number => {
  const family = familyOf(settings.model, settings.families)
  const { serviceTier } = wantedOf(settings, protocolIn(settings), family).wanted
  return serviceTier === "flex" ? flexCallRetries : defaultCallRetries
}

/** Blanks around a value come with copying it. */
const trimmed = (option: Option.Option<string>): Option.Option<string> =>
  Option.filter(
    Option.map(option, (text) => text.trim()),
    (text) => text !== "",
  )

/** The table of a file, with the entries that come with the program after its own; undefined without a file. */
const familiesOf = Effect.fn("Cli.families")(function* (file: string | undefined) {
  if (file === undefined) return undefined
  const unreadable = (why: string) => new UsageError({ message: `--model-families ${file}: ${why}` })
  const json = yield* Effect.tryPromise({
    try: async (): Promise<unknown> => JSON.parse(await Bun.file(file).text()),
    catch: (cause) => unreadable(cause instanceof SyntaxError ? cause.message : unreadableText(cause)),
  })
  const families = readFamilies(json)
  return typeof families === "string" ? yield* unreadable(families) : families
})

/** What is sent with every call beside the request itself, and what is known of models. */
const extrasOf = Effect.fn("Cli.extras")(function* (
  flags: ModelFlags,
  variables: Readonly<Record<string, string | undefined>>,
) {
  const apiKeyHeader = Option.getOrUndefined(trimmed(flags.apiKeyHeader))
  if (apiKeyHeader !== undefined && !isHeaderName(apiKeyHeader))
    return yield* new UsageError({ message: "--api-key-header must be the name of a header, as in api-key" })
  const headers = yield* fieldsOf("--header", flags.header, variables)
  const query = yield* fieldsOf("--query", flags.query, variables)
  const body = yield* extraBodyOf(
    Option.getOrElse(flags.extraBody, () => "{}"),
    variables,
  )
  const families = yield* familiesOf(Option.getOrUndefined(trimmed(flags.modelFamilies)))
  const secrets = [...headers.secrets, ...query.secrets, ...body.secrets]
  const filled = (fields: object): boolean => Object.keys(fields).length > 0
  return {
    ...(apiKeyHeader === undefined ? {} : { apiKeyHeader }),
    ...(filled(headers.value) ? { headers: headers.value } : {}),
    ...(filled(query.value) ? { query: query.value } : {}),
    ...(filled(body.value) ? { extraBody: Redacted.make(body.value) } : {}),
    ...(secrets.length === 0 ? {} : { secrets: secrets.map((secret) => Redacted.make(secret)) }),
    ...(families === undefined ? {} : { families }),
  }
})

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
  variables: Readonly<Record<string, string | undefined>>,
) {
  if (flags.rehearsal) return undefined
  const environment = yield* readModelEnvironment(variables)
  const either = <A>(flag: Option.Option<A>, other: A | undefined): A | undefined =>
    Option.getOrElse(flag, () => other)
  const keyGiven = Option.map(flags.apiKey, (key) => Redacted.value(key).trim())
  const key = either(
    Option.filter(keyGiven, (text) => text !== ""),
    environment.API_KEY ?? environment.OPENAI_API_KEY,
  )
  const apiBase = either(trimmed(flags.apiBase), environment.API_BASE_URL)
  const isOffline = Option.isSome(flags.batchDir)
  if (key === undefined && apiBase === undefined && !isOffline) return yield* noModel
  // The address is not repeated in messages: it may hold a secret.
  if (parseEndpoint(apiBase ?? defaultApiBase) === undefined) {
    const message =
      "--api-base must be an address that starts with http:// or https://, as in http://localhost:8000/v1"
    return yield* new UsageError({ message })
  }
  const provider = either(trimmed(flags.provider), environment.MODEL_PROVIDER_ID)
  yield* requireHeaderValue("--api-key", key)
  yield* requireHeaderValue("--provider", provider)
  const modelName = either(trimmed(flags.modelName), environment.MODEL_NAME)
  if (modelName === undefined && isOffline) return yield* noOfflineModel
  const model = modelName ?? defaultModel
  const account = accountOf(flags)
  if (account.budget.maxCost !== undefined && priceOf(model, account.price) === undefined) {
    const message = `--max-cost needs the price of ${model}: give --price-in and --price-out, or add it to src/model/prices.json`
    return yield* new UsageError({ message })
  }
  const maxTokens = either(flags.maxTokens, environment.MAX_TOKENS)
  const temperature = either(flags.temperature, environment.TEMPERATURE)
  const retries = either(flags.apiCallRetries, environment.API_CALL_RETRIES)
  const settings = {
    ...(key === undefined ? {} : { apiKey: Redacted.make(key) }),
    // A service of its own would decide how it is spoken to.
    apiBase: isOffline ? offlineApiBase : (apiBase ?? defaultApiBase),
    ...(provider === undefined ? {} : { provider }),
    model,
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(flags.protocol === "auto" ? {} : { protocol: flags.protocol }),
    ...given({
      reasoningEffort: trimmed(flags.reasoningEffort),
      detail: trimmed(flags.detail),
      serviceTier: trimmed(flags.serviceTier),
    }),
    ...given({ sendMaxSidePx: flags.sendMaxSide, sendQuality: flags.sendQuality }),
    ...(yield* extrasOf(flags, variables)),
    ...account,
    responseFormat: flags.responseFormat,
    stream: flags.stream,
    callRetries: defaultCallRetries,
    callRetryBackoffSec:
      either(flags.apiCallRetryBackoffSec, environment.API_CALL_RETRY_BACKOFF_SEC) ??
      defaultCallRetryBackoffSec,
  } satisfies ServiceSettings
  return { ...settings, callRetries: retries ?? defaultRetriesOf(settings) } satisfies ServiceSettings
})
