import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { Data, Effect, Layer } from "effect"
import * as v from "valibot"
import { parseJson } from "../files/json.ts"
import { readPlain, requireFileFault } from "../files/plain.ts"
import { responseFormats } from "../plan/choices.ts"
import { fingerprint } from "../plan/fingerprint.ts"
import { differingParts, labelOf, partsOf, requestDigest } from "./request.ts"
import { labelText, type RequestLabel } from "./request-label.ts"
import {
  type ApiConfig,
  type Keep,
  ModelError,
  type ModelRequest,
  type RecordedValue,
  VisionModel,
} from "./VisionModel.ts"

/** A recording cannot be written or read. */
export class RecordingError extends Data.TaggedError("RecordingError")<{
  readonly path: string
  readonly message: string
}> {}

const tokens = v.nullable(v.number())
const format = v.picklist(responseFormats)
const nullableText = v.nullable(v.string())

const replySchema = v.object({
  text: v.string(),
  truncated: v.boolean(),
  contextFull: v.exactOptional(v.literal(true)),
  model: v.string(),
  usage: v.object({
    prompt_tokens: tokens,
    cached_tokens: tokens,
    cache_write_tokens: v.exactOptional(v.number()),
    completion_tokens: tokens,
    reasoning_tokens: tokens,
  }),
  costUsd: tokens,
  // Absent where an earlier version recorded.
  estimated: v.optional(v.nullable(v.object({ tokens: v.number(), cost_usd: tokens })), null),
  latencyMs: v.number(),
  waitMs: v.number(),
  transportAttempts: v.number(),
  responseFormat: format,
  adjusted: v.optional(v.array(v.string()), []),
})

/** One request and its reply, as it is kept in a file of its own (`nameOf`). Pictures by their digest; no key. */
const exchangeSchema = v.object({
  request_sha256: v.string(),
  label: v.object({
    video: v.string(),
    stage: v.number(),
    step: v.nullable(v.number()),
    attempt: v.number(),
  }),
  parts: v.object({
    model: v.string(),
    temperature: v.nullable(v.number()),
    max_tokens: v.nullable(v.number()),
    system: v.string(),
    prompt: v.string(),
    images: v.array(v.string()),
    turns: v.string(),
    parameters: v.exactOptional(v.string()),
  }),
  reply: replySchema,
})
type Exchange = v.InferOutput<typeof exchangeSchema>

const recordedValue: v.GenericSchema<RecordedValue> = v.lazy(() =>
  v.union([
    v.string(),
    v.number(),
    v.boolean(),
    v.null(),
    v.array(recordedValue),
    v.record(v.string(), recordedValue),
  ]),
)

/** As `api_config` in a folder's record, which a model knows nothing of: the fields are written out in both places. */
const configFields = v.objectWithRest(
  {
    kind: v.string(),
    api_base: v.exactOptional(nullableText),
    provider: v.exactOptional(nullableText),
    model: v.string(),
    temperature: v.exactOptional(v.nullable(v.number())),
    max_tokens: v.exactOptional(v.nullable(v.number())),
    api_call_retries: v.exactOptional(v.number()),
    api_call_retry_backoff_sec: v.exactOptional(v.number()),
    response_format: v.exactOptional(v.picklist(["auto", ...responseFormats])),
    stream: v.exactOptional(v.boolean()),
  },
  recordedValue,
)
/** Given back as it was read, its fields in their order: a replay writes the same bytes. */
const configSchema = v.custom<ApiConfig>(
  (value) => v.is(configFields, value),
  "is no configuration of a model",
)

const configFile = "recording.json"

/**
 * `<request digest>-<12 digits of the digest of its place>.json`. One request can be made in several places with
 * different replies: by two copies of a video, or again after a reply that was rejected for what the one before it was.
 */
const nameOf = (requestSha256: string, label: RequestLabel): string =>
  `${requestSha256}-${fingerprint(label).slice(0, 12)}.json`

/** Writes a file whole or not at all, durably. */
export type WriteFile = (path: string, text: string) => Effect.Effect<void, { readonly message: string }>

/**
 * Keeps every exchange of the model below it in a folder. It fails by itself: where an exchange cannot be written, that is told
 * once, and calls go on without. Only a folder that cannot be written to at all is an error, before anything is asked.
 */
export const record = (
  dir: string,
  write: WriteFile,
): Layer.Layer<VisionModel, RecordingError, VisionModel> =>
  Layer.effect(
    VisionModel,
    Effect.gen(function* () {
      const inner = yield* VisionModel
      const put = (name: string, value: unknown) => {
        const path = join(dir, name)
        return Effect.mapError(
          write(path, `${JSON.stringify(value, null, 2)}\n`),
          ({ message }) => new RecordingError({ path, message: `the recording is not kept: ${message}` }),
        )
      }
      yield* put(configFile, inner.config)
      let isBroken = false
      const broken = (error: RecordingError) =>
        Effect.suspend(() => {
          if (isBroken) return Effect.void
          isBroken = true
          return Effect.logWarning(`${error.message}; calls go on, and a replay will lack what is not kept`)
        })
      const complete = Effect.fn("Recording.complete")(function* <E, R>(
        request: ModelRequest,
        keep?: Keep<E, R>,
      ) {
        const reply = yield* inner.complete(request, keep)
        const request_sha256 = requestDigest(inner.config, request)
        const label = labelOf(request)
        const exchange = {
          request_sha256,
          label,
          parts: partsOf(inner.config, request),
          reply,
        }
        yield* Effect.catchAll(put(nameOf(request_sha256, label), exchange), broken)
        return reply
      })
      return VisionModel.of({ ...inner, complete })
    }),
  )

/** An exchange is a reply and digests. */
const largestExchange = 64 << 20

interface Recorded {
  readonly config: ApiConfig
  readonly exchanges: ReadonlyArray<Exchange>
  /** Names of files that should hold an exchange and do not. */
  readonly unreadable: ReadonlyArray<string>
}

/** Fails for a folder that cannot be read, and, with a `ValiError`, for one that holds no recording. */
const load = async (dir: string): Promise<Recorded> => {
  const read = async (name: string): Promise<unknown> =>
    parseJson((await readPlain(join(dir, name), largestExchange)).toString("utf8"))
  const config = v.parse(configSchema, await read(configFile))
  const names = (await readdir(dir))
    .filter((name) => /^[0-9a-f]{64}-[0-9a-f]{12}\.json$/u.test(name))
    .toSorted()
  const exchanges: Array<Exchange> = []
  const unreadable: Array<string> = []
  for (const name of names) {
    // A file that a crash or a full disk has left empty or cut off is an exchange less.
    const parsed = v.safeParse(exchangeSchema, await read(name).catch(() => undefined))
    if (parsed.success) exchanges.push(parsed.output)
    else unreadable.push(name)
  }
  return { config, exchanges, unreadable }
}

const partNames: Readonly<Record<string, string>> = {
  model: "the model",
  temperature: "the temperature",
  max_tokens: "the token limit",
  system: "the system prompt",
  prompt: "the prompt",
  images: "the images",
  turns: "the conversation before",
  parameters: "the reasoning effort, or the detail or size of images",
}

/** Says which request is missing, and in what it differs from the recorded one of the same place. */
const missing = (
  config: ApiConfig,
  request: ModelRequest,
  exchanges: ReadonlyArray<Exchange>,
): ModelError => {
  const label = labelOf(request)
  const same = exchanges.find((exchange) => labelText(exchange.label) === labelText(label))
  const parts = same === undefined ? [] : differingParts(partsOf(config, request), same.parts)
  const why =
    same === undefined
      ? "nothing was recorded for it"
      : `it differs from the recorded one in ${parts.map((part) => partNames[part]).join(", ")}`
  const digest = requestDigest(config, request)
  return new ModelError({
    reason: "NotRecorded",
    message: `the request of ${labelText(label)} (${digest}) is not in the recording: ${why}; record it anew with --record`,
  })
}

/**
 * Answers from a folder that `record` has filled. Never connects to anything. A request gets the reply recorded in its
 * own place; one that was recorded elsewhere only, as before a video was renamed, gets the reply of there.
 */
export const replay = (dir: string): Layer.Layer<VisionModel, RecordingError> =>
  Layer.effect(
    VisionModel,
    Effect.gen(function* () {
      const { config, exchanges, unreadable } = yield* Effect.tryPromise({
        try: () => load(dir),
        catch: (cause) => {
          if (!v.isValiError(cause)) requireFileFault(cause)
          const message = `${dir} holds no recording that can be read: ${String(cause)}`
          return new RecordingError({ path: dir, message })
        },
      })
      const [first] = unreadable
      if (first !== undefined) {
        const others = unreadable.length === 1 ? "" : ` and ${unreadable.length - 1} more`
        yield* Effect.logWarning(`${join(dir, first)}${others} cannot be read: those exchanges are missing`)
      }
      const recorded = Map.groupBy(exchanges, ({ request_sha256 }) => request_sha256)
      const complete = Effect.fn("Replay.complete")(function* (request: ModelRequest) {
        const label = labelOf(request)
        const place = labelText(label)
        const same = recorded.get(requestDigest(config, request)) ?? []
        const found =
          same.find((exchange) => labelText(exchange.label) === place) ??
          same.find((exchange) => exchange.label.attempt === label.attempt) ??
          same[0]
        return found?.reply ?? (yield* missing(config, request, exchanges))
      })
      return VisionModel.of({ config, complete })
    }),
  )
