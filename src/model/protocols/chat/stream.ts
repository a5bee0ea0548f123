import { AnswerTooLarge, BrokenAnswer } from "../../client/answer-body.ts"
import type { Answer } from "../answer.ts"
import { parseJson } from "../said.ts"
import { serverSentData } from "../server-sent.ts"
import {
  type Completion,
  completionOf,
  contentText,
  finishWord,
  isErrorObject,
  readEnvelope,
  reasoningText,
  refusalText,
  usageIn,
} from "./completion.ts"

/** Chunks of one event. Some services forget the empty line between events. */
const chunksIn = (data: ReadonlyArray<string>): ReadonlyArray<unknown> => {
  const whole = parseJson(data.join("\n"))
  const chunks = whole === undefined ? data.map(parseJson) : [whole]
  if (chunks.includes(undefined)) throw new BrokenAnswer("a piece of it cannot be read")
  return chunks
}

/** An answer that comes in pieces, as far as it has come. */
const makeAnswer = (longest: number) => {
  let content = ""
  let refusal = ""
  let reasoning = ""
  let whole = ""
  let finishReason: string | undefined
  let model: unknown
  let usage: unknown
  return {
    add: (chunk: unknown): void => {
      const envelope = readEnvelope(chunk)
      if (envelope === undefined) return
      const choice = envelope.choices[0]
      model = envelope.model ?? model
      usage = usageIn(envelope) ?? usage
      finishReason = finishWord(choice?.finish_reason) ?? finishReason
      // Some services end with the whole message once more; it counts only where no pieces came.
      whole = choice?.message === undefined ? whole : contentText(choice.message.content)
      if (choice?.delta === undefined) return
      content += contentText(choice.delta.content)
      refusal += refusalText(choice.delta)
      reasoning += reasoningText(choice.delta)
      if (content.length + reasoning.length > longest)
        throw new AnswerTooLarge("the answer is longer than any real one")
    },
    isBegun: () => content !== "" || reasoning !== "",
    isEnded: () => finishReason !== undefined,
    completion: (): Completion =>
      completionOf({ content: content || whole, refusal, reasoning, finishReason, model, usage }),
  }
}

/**
 * Puts a streamed answer together. It is whole once the service has said how it ended; what breaks after that does no harm.
 *
 * @param longest of the answer's text, in UTF-16 units
 * @throws {BrokenAnswer} if it ends before that
 * @throws {AnswerTooLarge}
 */
export const readStream = async (pieces: AsyncIterable<string>, longest: number): Promise<Answer> => {
  const answer = makeAnswer(longest)
  let isDone = false
  try {
    for await (const data of serverSentData(pieces)) {
      const end = data.findIndex((line) => line.trim() === "[DONE]")
      isDone = end >= 0
      for (const chunk of chunksIn(isDone ? data.slice(0, end) : data)) {
        if (isErrorObject(chunk)) return { type: "error", text: data.join("\n"), isBegun: answer.isBegun() }
        answer.add(chunk)
      }
      if (isDone) break
    }
  } catch (cause) {
    if (!answer.isEnded() || cause instanceof AnswerTooLarge) throw cause
  }
  if (!isDone && !answer.isEnded()) throw new BrokenAnswer("it ended before its end was told")
  return { type: "completion", completion: answer.completion() }
}
