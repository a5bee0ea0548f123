import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Either, Layer, Logger } from "effect"
import { type CallEvent, CallLog } from "../../src/model/client/CallLog.ts"
import * as Client from "../../src/model/client/client.ts"
import { type ModelError, type ModelReply, VisionModel } from "../../src/model/VisionModel.ts"
import { type Misbehaviour, misbehaviour, replyText } from "./misbehaviour.ts"
import { strictRequest } from "./model-call.ts"

/** What a call against a misbehaving service came to, and what is wrong with that. */
export interface Finding {
  readonly index: number
  readonly name: string
  readonly outcome: string
  /** Empty if all is well. */
  readonly problems: ReadonlyArray<string>
}

const outcomeOf = (result: Either.Either<ModelReply, ModelError>): string =>
  Either.isLeft(result) ? result.left.reason : result.right.truncated ? "truncated" : "reply"

/** Calls are given up on after so long; everything else is on loopback. */
const deadlines = { connectMs: 5000, silenceMs: 1500, totalMs: 60_000 }

/** What is wrong with the course of a call. */
const problemsOf = (
  { expected }: Misbehaviour,
  result: Either.Either<ModelReply, ModelError>,
  events: ReadonlyArray<CallEvent>,
  onDisk: string | undefined,
  order: ReadonlyArray<string>,
): ReadonlyArray<string> => {
  const outcome = outcomeOf(result)
  const last = events.at(-1)
  const isAnswered = expected.outcome === "reply" || expected.outcome === "truncated"
  const isCounted = last?.completion_tokens !== null && last?.prompt_tokens !== null
  const isCharged = isCounted || (last?.estimated_tokens ?? 0) > 0
  const said = Either.isLeft(result) ? result.left.message : ""
  return [
    ...(outcome === expected.outcome ? [] : [`ended as ${outcome} instead of ${expected.outcome} (${said})`]),
    ...(Either.isLeft(result) && result.left.rejection !== expected.rejection
      ? [`rejected as ${result.left.rejection} instead of ${expected.rejection} (${said})`]
      : []),
    ...(isAnswered && (Either.isLeft(result) || onDisk !== result.right.text)
      ? ["the reply is not on disk"]
      : []),
    ...(expected.outcome === "reply" && onDisk !== replyText ? ["the reply is not what was sent"] : []),
    ...(isAnswered && order.at(-2) !== "kept" ? ["the reply was noted before it was kept"] : []),
    ...(isCharged === expected.mayBePaid
      ? []
      : [`${isCharged ? "charged" : "not charged"} by mistake (${said})`]),
    ...(said.length > 900 ? ["its message is too long"] : []),
    ...(JSON.stringify(events).includes("Infinity") ? ["a number that cannot be read"] : []),
  ]
}

/** Makes one call against the misbehaving server and judges how it ended. Replies are kept in `folder`. */
export const judge = async (url: string, seed: number, index: number, folder: string): Promise<Finding> => {
  const how = misbehaviour(seed, index)
  const events: Array<CallEvent> = []
  const order: Array<string> = []
  const log = Layer.succeed(CallLog, {
    record: (event) =>
      Effect.sync(() => {
        events.push(event)
        order.push("noted")
      }),
  })
  const file = join(folder, `${index}.txt`)
  const keep = (reply: ModelReply) =>
    Effect.promise(async () => {
      await mkdir(folder, { recursive: true })
      await writeFile(file, reply.text)
      order.push("kept")
    })
  const model = Client.layer({
    apiBase: url,
    provider: `${seed}/${index}`,
    model: "loopback-vlm",
    temperature: 0.2,
    callRetries: 0,
    callRetryBackoffSec: 0,
    stream: how.stream,
    deadlines,
  })
  const result = await Effect.flatMap(VisionModel, ({ complete }) => complete(strictRequest, keep)).pipe(
    Effect.either,
    Effect.provide(Layer.provide(model, log)),
    Effect.provide(Logger.remove(Logger.defaultLogger)),
    Effect.runPromise,
  )
  const onDisk = await readFile(file, "utf8").catch(() => undefined)
  const problems = problemsOf(how, result, events, onDisk, order)
  return { index, name: how.name, outcome: outcomeOf(result), problems }
}

/** Starts the misbehaving server in a process of its own. */
export const startMisbehaving = async () => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "misbehaving-server.ts")], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  })
  const reader = child.stdout.getReader()
  const { value } = await reader.read()
  return {
    url: new TextDecoder().decode(value).trim(),
    [Symbol.asyncDispose]: async () => {
      child.stdin.end()
      child.kill()
      await child.exited
    },
  }
}
