import { createReadStream } from "node:fs"
import { open } from "node:fs/promises"
import { onCode } from "../../files/fault.ts"
import { parseJson } from "../../files/json.ts"
import { kindAt, kindText, NotPlain } from "../../files/plain.ts"
import type { LineFormat, Result } from "./lines.ts"

/** The code of requests whose batch was refused as a whole. */
export const wholeRefused = "batch_failed"

/** Longest line that is read: an answer of 4 MiB, escaped. */
export const longestLine = 32 << 20
const lineEnd = 0x0a

/** Where a result stands. */
export interface Located {
  readonly path: string
  readonly offset: number
  readonly bytes: number
}

/** How much a result is worth: an answer more than an error of the service, and that more than no answer at all. */
export const worthOf = (result: Result): number => {
  if (result.type === "unbegun") return 0
  return result.type === "fault" ? 1 : result.status >= 400 ? 2 : 3
}

const parsed = (line: Uint8Array): unknown => parseJson(Buffer.from(line).toString())

/** The lines of a file with where they begin, without their ends; what is longer than a real line is passed over. */
async function* linesOf(path: string): AsyncGenerator<{ readonly offset: number; readonly line: Buffer }> {
  let waiting: Array<Buffer> = []
  let [length, start, at] = [0, 0, 0]
  const pieces: AsyncIterable<Buffer> = createReadStream(path)
  for await (const piece of pieces) {
    for (let from = 0; ; ) {
      const end = piece.indexOf(lineEnd, from)
      const part = piece.subarray(from, end < 0 ? undefined : end)
      length += part.length
      if (length <= longestLine) waiting.push(part)
      else waiting = []
      if (end < 0) break
      if (length <= longestLine) yield { offset: start, line: Buffer.concat(waiting) }
      from = end + 1
      start = at + from
      waiting = []
      length = 0
    }
    at += piece.length
  }
  if (waiting.length > 0) yield { offset: start, line: Buffer.concat(waiting) }
}

/** A result and where it stands. */
export interface FoundResult {
  readonly id: string
  readonly at: Located
  readonly result: Result
}

/** The results in a file, in its order; none if there is no such file. Lines that are no results are passed over. Fails with `NotPlain`. */
export async function* resultsIn(
  path: string,
  { read }: Pick<LineFormat, "read">,
): AsyncGenerator<FoundResult> {
  const kind = await kindAt(path)
  if (kind === undefined) return
  if (!kind.isFile()) throw new NotPlain(kindText(kind))
  for await (const { line, offset } of linesOf(path)) {
    const found = read(parsed(line))
    if (found !== undefined) yield { ...found, at: { path, offset, bytes: line.length } }
  }
}

/** Reads a result again; undefined if it does not stand there any more. */
export const readResult = async (
  { at: { bytes, offset, path }, id }: Omit<FoundResult, "result">,
  { read }: Pick<LineFormat, "read">,
): Promise<Result | undefined> => {
  const handle = await open(path, "r").catch(onCode(undefined, "ENOENT"))
  if (handle === undefined) return undefined
  try {
    const line = Buffer.allocUnsafe(bytes)
    const { bytesRead } = await handle.read(line, 0, bytes, offset)
    const found = bytesRead === bytes ? read(parsed(line)) : undefined
    return found?.id === id ? found.result : undefined
  } finally {
    await handle.close()
  }
}
