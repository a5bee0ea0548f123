import { AnswerTooLarge } from "./unusable.ts"

/** The longest line of an event stream, in UTF-16 units; a piece of an answer is a few hundred. */
const longestLine = 1 << 20

/** Lines of a text that comes in pieces, without their ends: of each piece those that it ends. Linear, however long they are. */
async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<ReadonlyArray<string>> {
  let begun: Array<string> = []
  let length = 0
  let isReturned = false
  for await (const arrived of pieces) {
    // A carriage return has ended its line already; the line feed that belongs to it ends no other.
    const piece = isReturned && arrived.startsWith("\n") ? arrived.slice(1) : arrived
    isReturned = arrived === "" ? isReturned : arrived.endsWith("\r")
    const lines = piece.split(/\r\n|\n|\r/u)
    const last = lines.pop() ?? ""
    const [first, ...others] = lines
    if (first !== undefined) {
      yield [begun.join("") + first, ...others]
      begun = []
      length = 0
    }
    begun.push(last)
    length += last.length
    if (length > longestLine) throw new AnswerTooLarge("a line of the answer's stream does not end")
  }
  yield [begun.join("")]
}

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
