import { createReadStream } from "node:fs"
import { open } from "node:fs/promises"
import * as v from "valibot"
import { parseJson } from "../../files/json.ts"
import { kindAt, kindText, NotPlain } from "../../files/plain.ts"
import { statusIn } from "../protocols/fault.ts"

const word = v.nullish(v.pipe(v.union([v.string(), v.number()]), v.transform(String)))
const anyStatus = v.pipe(
  v.union([v.number(), v.string()]),
  v.transform(Number),
  v.integer(),
  v.minValue(100),
  v.maxValue(599),
)

/** A line of an output or error file, as far as it is one: services differ in what they leave out, and in what is a number. */
const lineSchema = v.object({
  custom_id: v.string(),
  response: v.fallback(
    v.nullish(v.object({ status_code: v.fallback(v.nullish(anyStatus), undefined), body: v.unknown() })),
    undefined,
  ),
  error: v.fallback(
    v.nullish(
      v.union([
        v.object({ code: word, message: word }),
        v.pipe(
          v.string(),
          v.transform((message) => ({ code: undefined, message })),
        ),
      ]),
    ),
    undefined,
  ),
})

/** What came of one request. */
export type Result =
  | { readonly type: "answer"; readonly status: number; readonly body: unknown }
  /** It was not worked on: `batch_expired`, `batch_cancelled`, or another word of the service. */
  | { readonly type: "fault"; readonly code: string; readonly message: string }

/** The code of requests whose batch was refused as a whole. */
export const wholeRefused = "batch_failed"

/** Codes of requests that the service has not come to: they are asked anew, as if they had never been submitted. */
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

/** Some services put the body as text. */
const bodyOf = (body: unknown): unknown =>
  typeof body === "string" && body.trimStart().startsWith("{") ? (parseJson(body) ?? body) : body

const hasError = (body: unknown): boolean =>
  typeof body === "object" && body !== null && "error" in body && body.error !== null && !("choices" in body)

const resultOf = (json: unknown): { readonly id: string; readonly result: Result } | undefined => {
  const parsed = v.safeParse(lineSchema, json)
  if (!parsed.success) return undefined
  const { custom_id: id, error, response } = parsed.output
  if (response) {
    const body = bodyOf(response.body)
    const status = response.status_code ?? (hasError(body) ? statusIn(JSON.stringify(body)) : 200)
    return { id, result: { type: "answer", status, body } }
  }
  const [code, message] = [error?.code ?? "", error?.message ?? ""]
  return code === "" && message === "" ? undefined : { id, result: { type: "fault", code, message } }
}

/** How much a result is worth: an answer more than an error of the service, and that more than no answer at all. */
export const worthOf = (result: Result): number =>
  result.type === "fault" ? 1 : result.status >= 400 ? 2 : 3

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
export interface Found {
  readonly id: string
  readonly at: Located
  readonly result: Result
}

/** The results in a file, in its order; none if there is no such file. Lines that are no results are passed over. Fails with `NotPlain`. */
export async function* resultsIn(path: string): AsyncGenerator<Found> {
  const kind = await kindAt(path)
  if (kind === undefined) return
  if (!kind.isFile()) throw new NotPlain(kindText(kind))
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
