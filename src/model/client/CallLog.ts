import { constants } from "node:fs"
import { mkdir, open } from "node:fs/promises"
import { dirname } from "node:path"
import { Context, Effect, Layer } from "effect"
import { hasCode } from "../../files/fault.ts"
import { faultText } from "../../files/fault-text.ts"
import { NotPlain, requireFileFault, requireFileOrNothing } from "../../files/plain.ts"
import type { RequestLabel } from "../request-label.ts"
import type { ModelUsage, ResponseFormat } from "../VisionModel.ts"

/** One attempt to get an answer, as one line of `events.jsonl`. */
export interface CallEvent extends RequestLabel, ModelUsage {
  /** ISO 8601, UTC; when the attempt ended. */
  readonly time: string
  /** 1-based: HTTP attempt within one call. */
  readonly transport_attempt: number
  /** Waited for a place at the gate. */
  readonly wait_ms: number
  readonly latency_ms: number
  readonly cost_usd: number | null
  /**
   * What it is thought to have taken in all, where the service may have counted it but did not say; null where it said, or
   * where nothing was taken. This is what budgets go by.
   */
  readonly estimated_tokens: number | null
  readonly estimated_cost_usd: number | null
  readonly response_format: ResponseFormat
  /** Parameters that the service does not take, and what was done about them. */
  readonly adjusted: ReadonlyArray<string>
  /** `ok`, or why there was no reply. */
  readonly outcome: string
  readonly status: number | null
  readonly message: string | null
  readonly request_sha256: string
}

/**
 * Where every attempt to ask a model is noted; nowhere by default. Never fails a call: a line that cannot be written is
 * reported once.
 */
export class CallLog extends Context.Reference<CallLog>()("triptych/CallLog", {
  defaultValue: (): { readonly record: (event: CallEvent) => Effect.Effect<void> } => ({
    record: () => Effect.void,
  }),
}) {}

/** Why a line cannot be written, as the rest of a sentence about the file. */
const because = (cause: unknown): string => {
  requireFileFault(cause)
  if (cause instanceof NotPlain) return cause.message
  if (hasCode(cause, "EISDIR")) return "is a folder, not a file"
  return `cannot be written (${faultText(cause)})`
}

/**
 * Adds a line in a single write at the end of a file, which the system does as a whole beside those of other processes. A
 * line that a crash or a full disk has cut off ends before it.
 */
const appendLine = async (path: string, line: string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true })
  await requireFileOrNothing(path)
  const how = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW
  await using handle = await open(path, how)
  const { size } = await handle.stat()
  const last = Buffer.alloc(1)
  if (size > 0) await handle.read(last, 0, 1, size - 1)
  const isCutOff = size > 0 && last.toString() !== "\n"
  const bytes = Buffer.from(`${isCutOff ? "\n" : ""}${line}\n`)
  const { bytesWritten } = await handle.write(bytes)
  if (bytesWritten < bytes.length)
    throw Object.assign(new Error("there was no room for a whole line"), { code: "ENOSPC" })
}

/**
 * Appends to a file of JSON lines, one whole line at a time; other processes may do the same. The file comes with the first
 * line.
 */
export const file = (path: string): Layer.Layer<never> =>
  Layer.effect(
    CallLog,
    Effect.gen(function* () {
      const oneAtATime = yield* Effect.makeSemaphore(1)
      let isBroken = false
      const append = (event: CallEvent) =>
        Effect.tryPromise({
          try: () => appendLine(path, JSON.stringify(event)),
          catch: because,
        }).pipe(
          Effect.catchAll((why) => {
            if (isBroken) return Effect.void
            isBroken = true
            return Effect.logWarning(`${path} ${why}; calls go on, and are not noted there`)
          }),
        )
      return { record: (event) => oneAtATime.withPermits(1)(append(event)) }
    }),
  )
