import { linesOf, longestLine } from "./lines.ts"
import { AnswerTooLarge } from "./unusable.ts"

/**
 * The `data` of the events of a stream of server-sent events, in order. Comments and other fields are left out. Lines of
 * data belong together until an empty line; what comes before the end of the stream is an event too.
 */
export async function* serverSentData(pieces: AsyncIterable<string>): AsyncGenerator<ReadonlyArray<string>> {
  let data: Array<string> = []
  let length = 0
  for await (const lines of linesOf(pieces)) {
    for (const line of lines) {
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
  }
  if (data.length > 0) yield data
}
