import type { Answer } from "../protocols/answer.ts"
import type { Completion } from "../protocols/completion.ts"
import { isErrorObject } from "../protocols/error-object.ts"
import { jsonLines, withoutSeparator } from "../protocols/lines.ts"
import type { Protocol } from "../protocols/Protocol.ts"
import { parseJson } from "../protocols/said.ts"
import { serverSentData } from "../protocols/server-sent.ts"
import { readStream } from "../protocols/stream.ts"
import { AnswerTooLarge, BrokenAnswer } from "../protocols/unusable.ts"
import { textOf } from "./answer-body.ts"

/** Of an answer in one piece; the longest real ones have some hundred kilobytes. */
const longestBody = 4 << 20
/** Of an answer in pieces, which come with hundreds of bytes around every word. */
const longestStreamBytes = 32 << 20
/** Of the text of an answer, in UTF-16 units: more than any model writes. */
const longestText = 1 << 20

const tooLong = (): AnswerTooLarge => new AnswerTooLarge("the answer is longer than any real one")

type Decoder = Protocol["decode"]

/** An answer in pieces that come as one list, as Gemini sends them where it is not asked for events. */
const completionOfList = (pieces: ReadonlyArray<unknown>, { stream }: Decoder): Completion | undefined => {
  const answer = stream()
  for (const piece of pieces) answer.add(piece)
  return answer.isEnded() ? answer.completion() : undefined
}

/** What a text in one piece is: a completion, an error, or something else. Throws `BrokenAnswer` and `AnswerTooLarge`. */
export const interpret = (text: string, decode: Decoder): Answer => {
  const body = parseJson(text)
  if (isErrorObject(body)) return { type: "error", text, isBegun: false }
  if (body === undefined && /^[[{]/u.test(text) && text.includes(decode.mark))
    throw new BrokenAnswer("it is not whole")
  const completion = Array.isArray(body) ? completionOfList(body, decode) : decode.whole(body)
  if (completion === undefined) return { type: "other", text }
  if (completion.text.length + completion.reasoning.length > longestText) throw tooLong()
  return { type: "completion", completion }
}

/** So much of an answer tells what it is. */
const tellingLength = 6

/** The text without its blank beginning, which some services send while they are at work; its first piece can be told by. */
async function* withoutBlankStart(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let first: string | undefined = ""
  let blank = 0
  for await (const piece of pieces) {
    if (first === undefined) {
      yield piece
      continue
    }
    const text = first === "" ? piece.trimStart() : piece
    blank += piece.length - text.length
    if (blank > longestBody) throw tooLong()
    first += text
    if (first.length < tellingLength) continue
    yield first
    first = undefined
  }
  if (first) yield first
}

/** Pieces with one that was taken off put before them. */
async function* withFirst(first: string, others: AsyncIterator<string>): AsyncGenerator<string> {
  yield first
  for (let next = await others.next(); next.done !== true; next = await others.next()) yield next.value
}

/** Reads a stream of JSON lines; what has nothing of an answer in it is none, however it ends. */
const readLines = async (
  pieces: AsyncIterable<string>,
  beginning: string,
  decode: Decoder,
): Promise<Answer> => {
  try {
    return await readStream(jsonLines(pieces), decode.stream(), longestText)
  } catch (cause) {
    if (cause instanceof BrokenAnswer && !beginning.includes(decode.mark))
      return { type: "other", text: beginning }
    throw cause
  }
}

/** Whether a body is a stream of JSON lines: its first line is a whole value, and more follows. Undefined while that is open. */
const isLines = (beginning: string): boolean | undefined => {
  const end = beginning.indexOf("\n")
  if (end === -1 || beginning.slice(end).trim() === "") return undefined
  const first = parseJson(withoutSeparator(beginning.slice(0, end)))
  return typeof first === "object" && first !== null
}

/**
 * Puts an answer of JSON together: in one piece, or in lines. One that is whole stays so, whatever becomes of its connection after
 * that.
 */
const readJson = async (pieces: AsyncGenerator<string>, decode: Decoder): Promise<Answer> => {
  const read: Array<string> = []
  let length = 0
  let hasLine = false
  let areLines: boolean | undefined
  try {
    for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) {
      read.push(next.value)
      length += next.value.length
      hasLine ||= next.value.includes("\n")
      // Blanks decide nothing, and a service may send megabytes of them.
      if (hasLine && next.value.trim() !== "") areLines ??= isLines(read.join(""))
      if (areLines === true) break
      if (length > longestBody) throw tooLong()
    }
  } catch (cause) {
    if (cause instanceof AnswerTooLarge) throw cause
    const answer = interpret(read.join(""), decode)
    if (answer.type === "completion") return answer
    throw cause
  }
  const text = read.join("")
  return areLines === true ? readLines(withFirst(text, pieces), text, decode) : interpret(text, decode)
}

/** Reads an answer by what it looks like: services are not careful about content types, nor about what was asked. */
export const readAnswer = async (
  response: Response,
  decode: Decoder,
  heard: (bytes: number) => void,
): Promise<Answer> => {
  const pieces = withoutBlankStart(textOf(response, longestStreamBytes, heard))
  try {
    const first = await pieces.next()
    if (first.done === true) return { type: "other", text: "" }
    const all = withFirst(first.value, pieces)
    return /^(?:data|event|id|retry)?:/u.test(first.value)
      ? await readStream(serverSentData(all), decode.stream(), longestText)
      : await readJson(all, decode)
  } finally {
    await pieces.return(undefined)
  }
}
