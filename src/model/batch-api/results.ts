import { createReadStream } from "node:fs"
import { open } from "node:fs/promises"
import * as v from "valibot"
import { kindAt } from "../../files/plain.ts"

/** A line of an output or error file, as far as it is one. */
const lineSchema = v.object({
  custom_id: v.string(),
  response: v.nullish(v.object({ status_code: v.number(), body: v.unknown() })),
  error: v.nullish(v.object({ code: v.nullish(v.string()), message: v.nullish(v.string()) })),
})

/** What came of one request. */
export type Result =
  | { readonly type: "answer"; readonly status: number; readonly body: unknown }
  /** It was not worked on: `batch_expired`, `batch_cancelled`, or another word of the service. */
  | { readonly type: "fault"; readonly code: string; readonly message: string }

/** Codes of requests that the service has not come to: they are asked anew, as if they had never been handed in. */
const notBegun = /expired|cancel/iu

/** Longest line that is read: an answer of 4 MiB, escaped. */
export const longestLine = 32 << 20
const lineEnd = 0x0a

/** Where a result stands. */
export interface Located {
  readonly path: string
  readonly offset: number
  readonly bytes: number
}

const resultOf = (json: unknown): { readonly id: string; readonly result: Result } | undefined => {
  const parsed = v.safeParse(lineSchema, json)
  if (!parsed.success) return undefined
  const { custom_id: id, error, response } = parsed.output
  if (response) return { id, result: { type: "answer", status: response.status_code, body: response.body } }
  const [code, message] = [error?.code ?? "", error?.message ?? ""]
  return code === "" && message === "" ? undefined : { id, result: { type: "fault", code, message } }
}

const parsed = (line: Uint8Array): unknown => {
  try {
    return JSON.parse(Buffer.from(line).toString())
  } catch {
    return undefined
  }
}

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
      waiting = length <= longestLine ? [...waiting, part] : []
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
export interface Found {
  readonly id: string
  readonly at: Located
  readonly result: Result
}

/** The results in a file, in its order; none if there is no such file. Lines that are no results are passed over. */
export async function* resultsIn(path: string): AsyncGenerator<Found> {
  if ((await kindAt(path))?.isFile() !== true) return
  for await (const { line, offset } of linesOf(path)) {
    const found = resultOf(parsed(line))
    if (found === undefined) continue
    if (found.result.type === "fault" && notBegun.test(found.result.code)) continue
    yield { ...found, at: { path, offset, bytes: line.length } }
  }
}

/** Reads a result again. */
export const readResult = async ({ bytes, offset, path }: Located): Promise<Result | undefined> => {
  await using handle = await open(path, "r")
  const line = Buffer.allocUnsafe(bytes)
  const { bytesRead } = await handle.read(line, 0, bytes, offset)
  return bytesRead === bytes ? resultOf(parsed(line))?.result : undefined
}
