import { Effect } from "effect"
import type { CacheUse } from "../protocols/Protocol.ts"
import { ModelError, type ModelReply, type ModelRequest, type ResponseFormat } from "../VisionModel.ts"
import { confirmed, learn } from "./lessons.ts"
import { type Dialect, type Sent, sentWith, type Target } from "./parameters.ts"
import { makeProving } from "./proving.ts"

/** Chooses the parameters of a request, and makes it again with others where the service refuses them. */
export type Negotiate = <E, R>(
  asked: Asked,
  attempt: (sent: Sent) => Effect.Effect<ModelReply, ModelError | E, R>,
) => Effect.Effect<ModelReply, ModelError | E, R>

/** What is negotiated about. */
interface Asked {
  readonly request: ModelRequest
  /** What is to be kept of the request; undefined leaves it to the service. */
  readonly cache: CacheUse | undefined
}

const isRejected = (error: unknown): error is ModelError =>
  error instanceof ModelError && error.reason === "Rejected"

/**
 * Attempts until one is not refused for a parameter. What was refused is remembered for all calls to the endpoint and model.
 *
 * @param warnOnce says a sentence, unless it was said before
 * @returns also the form in which answers are asked for now
 */
export const makeNegotiation = (
  first: Dialect,
  target: Target,
  format: "auto" | ResponseFormat,
  warnOnce: (sentence: string) => Effect.Effect<void>,
): { readonly negotiate: Negotiate; readonly format: () => ResponseFormat } => {
  const proving = makeProving()
  let dialect = first
  const confirm = Effect.sync(() => {
    dialect = confirmed(dialect)
  })
  const negotiate: Negotiate = (asked, attempt) =>
    Effect.gen(function* () {
      const sentNow = () => sentWith(dialect, target, asked.request, asked.cache)
      if (yield* proving.wait(sentNow().kind)) return yield* negotiate(asked, attempt)
      const sent = sentNow()
      return yield* proving.lead(sent.kind, attempt(sent), isRejected).pipe(
        Effect.tap(() => confirm),
        Effect.catchIf(isRejected, (error) =>
          Effect.gen(function* () {
            // Another call may have learned it meanwhile.
            if (dialect !== sent.dialect) {
              return yield* sentNow().kind === sent.kind ? error : negotiate(asked, attempt)
            }
            const isProven = proving.isProven(sent.kind)
            const lesson = learn(sent, error, target, { isAuto: format === "auto", isProven })
            if (lesson === undefined) return yield* error
            dialect = lesson.dialect
            if (lesson.warning === undefined) return yield* error
            yield* warnOnce(`${lesson.warning}. It said: ${error.message}`)
            return yield* negotiate(asked, attempt)
          }),
        ),
      )
    })
  return { negotiate, format: () => dialect.format }
}
