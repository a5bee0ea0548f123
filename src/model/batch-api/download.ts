import { open } from "node:fs/promises"
import { parseJson } from "../../files/json.ts"
import { textOf } from "../client/answer-body.ts"
import { BrokenAnswer } from "../protocols/unusable.ts"
import { diskFault } from "./disk.ts"
import { longestLine } from "./results.ts"

/** Bytes of a whole file of results. */
const longestDownload = 2 ** 33
/** Written in one go, in UTF-16 units. */
const writtenAtOnce = 1 << 20

/** The lines of a text that comes in pieces, and at last what stands after the last line end. One that is too long is empty. */
async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let begun: Array<string> = []
  let length = 0
  const ended = () => {
    const line = length > longestLine ? "" : begun.join("")
    begun = []
    length = 0
    return line
  }
  for await (const piece of pieces)
    for (const [at, part] of piece.split("\n").entries()) {
      if (at > 0) yield ended()
      length += part.length
      if (length <= longestLine) begun.push(part)
      else begun = []
    }
  yield ended()
}

/**
 * Writes the body of a file of results line by line, secrets taken out; gives how many lines that are. What is longer than a real
 * line is left out.
 *
 * @throws {BrokenAnswer} if it ends in the middle of a line
 * @throws {ModelError} where the disk fails
 */
export const writeResults = async (
  response: Response,
  path: string,
  clean: (line: string) => string,
): Promise<number> => {
  const fault = (cause: unknown) => {
    throw diskFault(cause, path)
  }
  const file = await open(path, "wx").catch(fault)
  try {
    const put = (text: string) => file.appendFile(text).catch(fault)
    let [lines, waiting, last] = [0, "", ""]
    for await (const line of linesOf(textOf(response, longestDownload, () => undefined))) {
      if (line.trim() === "") continue
      last = line
      lines++
      waiting += `${clean(line)}\n`
      if (waiting.length < writtenAtOnce) continue
      await put(waiting)
      waiting = ""
    }
    if (last !== "" && parseJson(last) === undefined)
      throw new BrokenAnswer("a file of results ends in the middle of a line")
    await put(waiting)
    await file.sync().catch(fault)
    return lines
  } finally {
    await file.close()
  }
}
