import { Effect, Redacted } from "effect"
import OpenAI from "openai"
import type { ModelFamily } from "../families.ts"
import { millisOf } from "../monotonic.ts"
import { type Answer, answerFault } from "../protocols/answer.ts"
import type { Protocol } from "../protocols/Protocol.ts"
import { excerpt } from "../protocols/said.ts"
import type { Redaction } from "../redaction.ts"
import { attempt, deadlinesOf } from "./attempt.ts"
import { connectionFault } from "./connection-fault.ts"
import { headersOf, keyOf, searchOf } from "./credentials.ts"
import type { Endpoint } from "./endpoint.ts"
import { excessOf } from "./excess.ts"
import type { Received, Send } from "./kept.ts"
import type { Wanted } from "./parameters.ts"
import type { ServiceSettings } from "./settings.ts"

/** Everything that has to be known to send a request. */
interface Way {
  readonly settings: ServiceSettings
  readonly family: ModelFamily
  readonly wanted: Wanted
  readonly protocol: Protocol
  readonly endpoint: Endpoint
  readonly redaction: Redaction
  /** Called for every piece of an answer that comes, with the time on the clock of `monotonicMs`. */
  readonly heard: (now: number) => void
}

/** The SDK as a client of HTTP: all that is said over it is the protocol's. */
const httpClient = ({ settings, protocol, endpoint }: Way): OpenAI =>
  new OpenAI({
    apiKey: keyOf(settings) || "none",
    baseURL: endpoint.base,
    organization: null,
    project: null,
    maxRetries: 0,
    // Bun and the SDK have deadlines of their own; those of an attempt are ours to keep. What is compressed is unpacked here,
    // where it is bounded, and a key is not taken along to wherever a service sends it on to.
    timeout: 2 ** 31 - 1,
    fetchOptions: { timeout: false, decompress: false, redirect: "manual" },
    defaultHeaders: {
      "accept-encoding": "identity",
      ...headersOf(settings, protocol, endpoint),
    },
    logLevel: "off",
  })

/** A reply without secrets, or why an answer is none. */
export const received = Effect.fnUntraced(function* (
  answer: Answer,
  headers: Headers,
  { protocol, redaction }: Pick<Way, "protocol" | "redaction">,
) {
  const redact = redaction.message
  const fault = answerFault(protocol, answer, headers, redact)
  if (fault !== undefined) return yield* fault
  if (answer.type !== "completion") return yield* Effect.dieMessage("an answer without fault is a completion")
  const { completion } = answer
  return {
    completion: {
      ...completion,
      text: redaction.answer(completion.text),
      model: completion.model === undefined ? undefined : excerpt(completion.model, redact),
    },
    hints: protocol.limits(headers, Date.now(), redact),
  } satisfies Received
})

/** Sends one request and reads what comes. */
export const makeSend = (way: Way): Send => {
  const { settings, family, wanted, protocol, endpoint, redaction, heard } = way
  const client = httpClient(way)
  const redact = redaction.message
  const deadlines = settings.deadlines ?? deadlinesOf(wanted.serviceTier)
  const search = searchOf(settings, endpoint)
  const extra = settings.extraBody === undefined ? {} : Redacted.value(settings.extraBody)
  return Effect.fn("VisionModel.attempt")(function* (request, sent) {
    const {
      body,
      headers: own,
      path,
    } = protocol.encode(settings.model, request, { ...sent.parameters, extra })
    const excess = excessOf(request, body.length, family)
    if (excess !== undefined) return yield* excess
    const clock = yield* Effect.clock
    const onPiece = () => heard(millisOf(clock.unsafeCurrentTimeNanos()))
    const { answer, headers } = yield* Effect.acquireUseRelease(
      Effect.sync(() => body.stream()),
      (chunks) =>
        Effect.tryPromise({
          try: (signal) => {
            const sending = { path, headers: own, chunks, length: body.length }
            return attempt(client, sending, { protocol, search, deadlines, signal, redact, onPiece })
          },
          catch: (cause) => connectionFault(cause, false, redact),
        }),
      // fetch leaves a body where it is when its connection fails, and with it an open file.
      (chunks) => Effect.promise(() => chunks.return(undefined)),
    )
    return yield* received(answer, headers, way)
  })
}
