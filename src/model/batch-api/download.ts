import { open } from "node:fs/promises"
import { Effect } from "effect"
import { parseJson } from "../../files/json.ts"
import { textOf } from "../client/answer-body.ts"
import { BrokenAnswer } from "../protocols/unusable.ts"
import type { Redaction } from "../redaction.ts"
import { diskFault } from "./disk.ts"
import { type makeExchange, slowMs } from "./http.ts"
import { longestLine } from "./results.ts"

/** Bytes of a whole file of results. */
const longestDownload = 2 ** 33
/** Written in one go, in UTF-16 units. */
const writtenAtOnce = 1 << 20

/** The lines of a text that comes in pieces, and at last what stands after the last line end. One that is too long is empty. */
export async function* linesOfText(pieces: AsyncIterable<string>): AsyncGenerator<string> {
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
 * @param cutOff what is done where it ends in the middle of a line
 * @throws {BrokenAnswer} if that is so, and it is refused
 * @throws {ModelError} where the disk fails
 */
export const writeResults = async (
  response: Response,
  path: string,
  clean: (line: string) => string,
  cutOff: "refuse" | "leave out" = "refuse",
): Promise<number> => {
  const fault = (cause: unknown) => {
    throw diskFault(cause, path)
  }
  const file = await open(path, "wx").catch(fault)
  try {
    const put = (text: string) => file.appendFile(text).catch(fault)
    let [lines, waiting, last] = [0, "", ""]
    const take = (line: string) => {
      if (line === "") return
      lines++
      waiting += `${clean(line)}\n`
    }
    for await (const line of linesOfText(textOf(response, longestDownload, () => undefined))) {
      if (line.trim() === "") continue
      take(last)
      last = line
      if (waiting.length < writtenAtOnce) continue
      await put(waiting)
      waiting = ""
    }
    if (last === "" || parseJson(last) !== undefined) take(last)
    else if (cutOff === "refuse") throw new BrokenAnswer("a file of results ends in the middle of a line")
    await put(waiting)
    await file.sync().catch(fault)
    return lines
  } finally {
    await file.close()
  }
}

/**
 * How a service's results are fetched into a file.
 *
 * @param pathOf the path of what a batch says about where its results are
 */
export const makeDownload = (
  exchange: ReturnType<typeof makeExchange>,
  { answer: clean }: Redaction,
  pathOf: (where: string) => string,
) =>
  Effect.fn("BatchApi.download")(function* (where: string, path: string) {
    const read = (response: Response) => writeResults(response, path, clean)
    return yield* exchange({ method: "GET", path: pathOf(where), read, timeoutMs: slowMs })
  })
