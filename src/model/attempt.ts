import type OpenAI from "openai"
import * as v from "valibot"
import type { LazyBody } from "./body.ts"
import { type Completion, parseCompletion } from "./completion.ts"
import { limitHints } from "./limit-hints.ts"
import { type LimitHints, ModelError, noUsage } from "./VisionModel.ts"

/** How long one attempt may take, in milliseconds. */
export interface Deadlines {
  /** Until the service starts to take the request. */
  readonly connectMs: number
  /**
   * Without a sign of life: of taking the request, or of the next piece of a streamed answer. An answer that is not
   * streamed comes in one piece, so a model must have thought and written within this time.
   */
  readonly silenceMs: number
  readonly totalMs: number
}

export const defaultDeadlines: Deadlines = { connectMs: 30_000, silenceMs: 300_000, totalMs: 900_000 }

export interface Attempted {
  readonly completion: Completion | undefined
  /** What was received, for messages when it is no completion. */
  readonly body: unknown
  readonly hints: LimitHints
}

const late = (what: string, ms: number, unreachable = false): ModelError =>
  new ModelError({
    reason: "Transient",
    message: `the service ${what} within ${ms / 1000} s`,
    ...(unreachable ? { isUnreachable: true } : {}),
  })

/** Watches an attempt: aborts it with the reason when a deadline passes. */
const watch = (deadlines: Deadlines, outer: AbortSignal) => {
  const controller = new AbortController()
  const stopAfter = (ms: number, error: () => ModelError) => setTimeout(() => controller.abort(error()), ms)
  const { connectMs, silenceMs, totalMs } = deadlines
  const total = stopAfter(totalMs, () => late("did not finish its answer", totalMs))
  let silence = stopAfter(connectMs, () => late("did not take the request", connectMs, true))
  const onAbort = () => controller.abort(outer.reason)
  outer.addEventListener("abort", onAbort, { once: true })
  if (outer.aborted) onAbort()
  return {
    signal: controller.signal,
    heard: () => {
      clearTimeout(silence)
      silence = stopAfter(silenceMs, () => late("was silent and did not go on", silenceMs))
    },
    end: () => {
      clearTimeout(total)
      clearTimeout(silence)
      outer.removeEventListener("abort", onAbort)
    },
  }
}

type Watch = ReturnType<typeof watch>

async function* watched(body: LazyBody, { heard }: Watch): AsyncGenerator<Uint8Array> {
  for await (const chunk of body.stream()) {
    heard()
    yield chunk
  }
  heard()
}

const chunkSchema = v.object({
  model: v.nullish(v.string()),
  choices: v.optional(
    v.array(
      v.object({
        finish_reason: v.nullish(v.string()),
        delta: v.optional(v.object({ content: v.nullish(v.string()), refusal: v.nullish(v.string()) })),
      }),
    ),
    [],
  ),
  usage: v.nullish(v.unknown()),
})

const brokenStream = new ModelError({ reason: "Transient", message: "the answer broke off before its end" })

/** Puts a streamed answer together. A stream that ends without a reason to end was cut off on the way. */
const readStream = async (chunks: AsyncIterable<unknown>, { heard }: Watch): Promise<Completion> => {
  let text = ""
  let refusal = ""
  let finishReason: string | undefined
  let model: string | undefined
  let usage: unknown
  for await (const chunk of chunks) {
    heard()
    const parsed = v.safeParse(chunkSchema, chunk)
    if (!parsed.success) continue
    const { choices, ...rest } = parsed.output
    const choice = choices[0]
    text += choice?.delta?.content ?? ""
    refusal += choice?.delta?.refusal ?? ""
    finishReason = choice?.finish_reason ?? finishReason
    model = rest.model ?? model
    usage = rest.usage ?? usage
  }
  if (finishReason === undefined) throw brokenStream
  const whole = {
    model,
    usage,
    choices: [{ finish_reason: finishReason, message: { content: text, refusal: refusal || null } }],
  }
  return parseCompletion(whole) ?? { text, finishReason, refusal: undefined, model, usage: noUsage }
}

/**
 * One HTTP attempt. The body is made while it is sent and has an exact `content-length`; deadlines hold for the connection,
 * for silence and for the whole. Rejects with whatever the SDK throws, or with a `ModelError` for a deadline.
 */
export const attempt = async (
  client: OpenAI,
  body: LazyBody,
  options: { readonly stream: boolean; readonly deadlines: Deadlines; readonly signal: AbortSignal },
): Promise<Attempted> => {
  const watching = watch(options.deadlines, options.signal)
  const request = {
    body: watched(body, watching),
    headers: { "content-type": "application/json", "content-length": String(body.length) },
    signal: watching.signal,
  }
  try {
    if (options.stream) {
      const { data, response } = await client.chat.completions
        .create({ model: "", messages: [], stream: true }, request)
        .withResponse()
      return {
        completion: await readStream(data, watching),
        body: undefined,
        hints: limitHints(response.headers),
      }
    }
    const { data, response } = await client.chat.completions
      .create({ model: "", messages: [], stream: false }, request)
      .withResponse()
    return { completion: parseCompletion(data), body: data, hints: limitHints(response.headers) }
  } catch (cause) {
    throw watching.signal.reason instanceof ModelError ? watching.signal.reason : cause
  } finally {
    watching.end()
  }
}
