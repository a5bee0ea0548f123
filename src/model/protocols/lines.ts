import { AnswerTooLarge } from "./unusable.ts"

/** The longest line of an event stream, in UTF-16 units; a piece of an answer is a few hundred. */
export const longestLine = 1 << 20

/** Lines of a text that comes in pieces, without their ends: of each piece those that it ends. Linear, however long they are. */
export async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<ReadonlyArray<string>> {
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
 * A stream of JSON lines, as some services send instead of server-sent events: each line that is not blank as an event of its own.
 * A line may begin with the record separator of RFC 7464.
 */
export async function* jsonLines(pieces: AsyncIterable<string>): AsyncGenerator<ReadonlyArray<string>> {
  for await (const lines of linesOf(pieces))
    for (const line of lines) {
      const json = withoutSeparator(line)
      if (json !== "") yield [json]
    }
}

const recordSeparator = "\u001E"

/** A line of JSON lines without blanks and record separator. */
export const withoutSeparator = (line: string): string =>
  (line.startsWith(recordSeparator) ? line.slice(recordSeparator.length) : line).trim()
