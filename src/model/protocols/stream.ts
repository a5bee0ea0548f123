import type { Answer } from "./answer.ts"
import { isErrorObject } from "./error-object.ts"
import type { Assembly } from "./Protocol.ts"
import { parseJson } from "./said.ts"
import { AnswerTooLarge, BrokenAnswer } from "./unusable.ts"

/** Chunks of one event; none in one that only keeps the connection alive. Some services forget the empty line between events. */
const chunksIn = (data: ReadonlyArray<string>): ReadonlyArray<unknown> => {
  if (data.every((line) => line.trim() === "")) return []
  const whole = parseJson(data.join("\n"))
  const chunks = whole === undefined ? data.map(parseJson) : [whole]
  if (chunks.includes(undefined)) throw new BrokenAnswer("a piece of it cannot be read")
  return chunks
}

/**
 * Puts a streamed answer together. It is whole once the service has said how it ended; what breaks after that does no harm.
 *
 * @param events the lines of data of each event, as `serverSentData` and `jsonLines` give them
 * @param longest of the answer's text, in UTF-16 units
 * @throws {BrokenAnswer} if it ends before that
 * @throws {AnswerTooLarge}
 */
export const readStream = async (
  events: AsyncIterable<ReadonlyArray<string>>,
  answer: Assembly,
  longest: number,
): Promise<Answer> => {
  let isDone = false
  try {
    for await (const data of events) {
      const end = data.findIndex((line) => line.trim() === "[DONE]")
      isDone = end >= 0
      for (const chunk of chunksIn(isDone ? data.slice(0, end) : data)) {
        if (isErrorObject(chunk))
          return { type: "error", text: data.join("\n"), isBegun: answer.length() > 0 }
        answer.add(chunk)
        if (answer.length() > longest) throw new AnswerTooLarge("the answer is longer than any real one")
      }
      if (isDone) break
    }
  } catch (cause) {
    if (!answer.isEnded() || cause instanceof AnswerTooLarge) throw cause
  }
  if (!isDone && !answer.isEnded()) throw new BrokenAnswer("it ended without its end marker")
  return { type: "completion", completion: answer.completion() }
}
