import { AnswerTooLarge } from "./answer-body.ts"

/** The longest line of an event stream, in UTF-16 units; a piece of an answer is a few hundred. */
const longestLine = 1 << 20

/** Lines of a text that comes in pieces, without their ends. Linear, however many pieces a line comes in. */
async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let begun: Array<string> = []
  let length = 0
  for await (const piece of pieces) {
    const [first = "", ...others] = piece.split(/\r\n|\n|\r/u)
    begun.push(first)
    length += first.length
    if (length > longestLine) throw new AnswerTooLarge("a line of the answer's stream does not end")
    for (const next of others) {
      yield begun.join("")
      begun = [next]
      length = next.length
    }
  }
  yield begun.join("")
}

/**
 * The `data` of the events of a stream of server-sent events, in order. Comments and other fields are left out. Lines of
 * data belong together until an empty line; what comes before the end of the stream is an event too.
 */
export async function* serverSentData(pieces: AsyncIterable<string>): AsyncGenerator<ReadonlyArray<string>> {
  let data: Array<string> = []
  let length = 0
  for await (const line of linesOf(pieces)) {
    if (line === "" && data.length > 0) {
      yield data
      data = []
      length = 0
    } else if (line.startsWith("data:")) {
      data.push(line.slice(line[5] === " " ? 6 : 5))
      length += line.length
      if (length > longestLine) throw new AnswerTooLarge("an event of the answer's stream does not end")
    }
  }
  if (data.length > 0) yield data
}
