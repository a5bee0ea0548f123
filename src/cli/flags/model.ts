import { protocolNames } from "../../model/protocols/protocols.ts"
import { responseFormats } from "../../plan/choices.ts"
import * as flag from "../flag.ts"

/** How the model is reached. What says so can come from the environment; a flag wins. */
export const model = {
  rehearsal: flag.toggle(
    "rehearsal",
    "Use the built-in offline stand-in: no key, no network, placeholder texts that say so",
  ),
  apiKey: flag.secret(
    "api-key",
    "KEY",
    "Key of the service. API_KEY, or OPENAI_API_KEY, is safer: other users of the machine do not see it",
  ),
  apiBase: flag.text("api-base", "URL", "Address of a service, up to /v1. Or API_BASE_URL"),
  provider: flag.text("provider", "ID", "Sent as the header X-Model-Provider-Id. Or MODEL_PROVIDER_ID"),
  modelName: flag.text("model", "NAME", "Name of the model. Or MODEL_NAME; gpt-4.1 if absent"),
  maxTokens: flag.optionalNumber(
    "max-tokens",
    { min: 1, max: 10_000_000 },
    true,
    "Token limit of an answer. Or MAX_TOKENS; the service's own limit if absent",
  ),
  temperature: flag.optionalNumber(
    "temperature",
    { min: 0, max: 2 },
    false,
    "Sampling temperature. Or TEMPERATURE; 0.2 if absent",
  ),
  protocol: flag.choice(
    "protocol",
    ["auto", ...protocolNames],
    "auto",
    "How the service is spoken to; auto tells by the address, and takes chat (completions) for any other",
  ),
  serviceTier: flag.text(
    "service-tier",
    "WORD",
    "What kind of service is paid for, in its own words, as in flex: half the price, and slower",
  ),
  batchApi: flag.toggle(
    "batch",
    "Ask through the service's batch API, at half the price: requests are submitted as files and answered within a day; the same command again goes on with what has come",
  ),
  wait: flag.toggle("wait", "With --batch: stay, and go on with what comes, until nothing is left to ask"),
  batchPollSec: flag.real(
    "batch-poll-sec",
    { min: 1, max: 3600 },
    60,
    "With --wait: seconds between two looks at the batches",
  ),
  batchDir: flag.text(
    "batch-dir",
    "DIR",
    "As --batch without a service: requests are written as files into this folder, to be answered with vllm run-batch, and its results are taken from there",
  ),
  batchFileBytes: flag.optionalNumber(
    "batch-file-bytes",
    { min: 1000, max: 1e12 },
    true,
    "Largest file that is taken as a batch, in bytes; 200000000 if absent, 256000000 for Anthropic, any size with --batch-dir",
  ),
  batchFileRequests: flag.optionalNumber(
    "batch-file-requests",
    { min: 1, max: 1_000_000 },
    true,
    "Most requests that are taken in one; 50000 if absent, 100000 for Anthropic",
  ),
  reasoningEffort: flag.text(
    "reasoning-effort",
    "WORD",
    "Reasoning effort, in the model's own words, as in low; the model's own choice if absent",
  ),
  detail: flag.text(
    "detail",
    "WORD",
    "Image detail, in the model's own words, as in low; its own choice if absent",
  ),
  sendMaxSide: flag.optionalNumber(
    "send-max-side",
    { min: 64, max: 8192 },
    true,
    "Longest side, in pixels, of the images that are sent; the pictures on disk stay as they are",
  ),
  sendQuality: flag.optionalNumber(
    "send-quality",
    { min: 1, max: 100 },
    true,
    "JPEG quality of the images that are sent; as on disk, or 85 where they are made smaller, if absent",
  ),
  modelFamilies: flag.text(
    "model-families",
    "FILE",
    "A table of what models take, whose entries go before those that come with the program",
  ),
  header: flag.many(
    "header",
    "NAME=VALUE",
    "A header of every call; {env:NAME} in the value is taken from the environment",
  ),
  query: flag.many("query", "NAME=VALUE", "A parameter of every call's query, likewise"),
  apiKeyHeader: flag.text(
    "api-key-header",
    "NAME",
    "The header that carries the key, as in api-key; Authorization if absent",
  ),
  extraBody: flag.text(
    "extra-body",
    "JSON",
    "An object of fields that are added to the body of every request; {env:NAME} in its texts likewise",
  ),
  maxInFlight: flag.optionalNumber(
    "max-in-flight",
    { min: 1, max: 256 },
    true,
    "Calls in flight at the same time, over all videos; adaptive if absent",
  ),
  rpm: flag.optionalNumber(
    "rpm",
    { min: 1, max: 1_000_000 },
    false,
    "Requests per minute the service allows; learned from its answers if absent",
  ),
  tpm: flag.optionalNumber(
    "tpm",
    { min: 1, max: 1_000_000_000 },
    false,
    "Tokens per minute the service allows; learned from its answers if absent",
  ),
  responseFormat: flag.choice(
    "response-format",
    ["auto", ...responseFormats],
    "auto",
    "Structured output asked of the service; auto starts with the strictest that it takes",
  ),
  stream: flag.toggle("stream", "Stream answers; a stalled one is noticed sooner"),
  priceIn: flag.optionalNumber(
    "price-in",
    { min: 0, max: 100_000 },
    false,
    "US dollars per million input tokens, instead of the price file's",
  ),
  priceCached: flag.optionalNumber(
    "price-cached",
    { min: 0, max: 100_000 },
    false,
    "The same for cached input tokens",
  ),
  priceOut: flag.optionalNumber("price-out", { min: 0, max: 100_000 }, false, "The same for output tokens"),
  maxCost: flag.optionalNumber(
    "max-cost",
    { min: 0, max: 1_000_000 },
    false,
    "Stop before this many US dollars are spent; what is paid for is kept",
  ),
  maxTokensTotal: flag.optionalNumber(
    "max-tokens-total",
    { min: 0, max: 1_000_000_000_000 },
    true,
    "Stop before this many tokens are used; what is paid for is kept",
  ),
  dryRun: flag.toggle(
    "dry-run",
    "Print calls, images, tokens, cost and time to expect, then stop; nothing is sent",
  ),
  record: flag.text("record", "DIR", "Record every exchange with the model in this folder"),
  replay: flag.text("replay", "DIR", "Answer from a recording instead of a service; nothing is sent"),
  apiCallRetries: flag.optionalNumber(
    "api-call-retries",
    { min: 0, max: 100 },
    true,
    "Retries of a call that failed in transit. Or API_CALL_RETRIES; 3 if absent",
  ),
  apiCallRetryBackoffSec: flag.optionalNumber(
    "api-call-retry-backoff-sec",
    { min: 0, max: 3600 },
    false,
    "Seconds before the first retry; doubles with each. Or API_CALL_RETRY_BACKOFF_SEC; 1 if absent",
  ),
}
