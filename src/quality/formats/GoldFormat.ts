import { Either } from "effect"
import * as v from "valibot"
import { GoldError, type RawVideo, type TimeUnit } from "../gold.ts"

/** A text file of gold. `path` is relative to what was named, with `/`. */
export interface GoldDocument {
  readonly path: string
  readonly text: string
}

/** Videos, or why there are none. */
export type Parsed = Either.Either<ReadonlyArray<RawVideo>, GoldError>

/** A way in which people keep temporal annotations. */
export interface GoldFormat {
  /** What `--format` takes. */
  readonly name: string
  /** One line for help. */
  readonly title: string
  readonly unit: TimeUnit
  /** Frames per second that the format itself fixes, if it does. */
  readonly frameRate?: number
  /** Endings of the files it is made of, lower case, with the dot. */
  readonly extensions: ReadonlyArray<string>
  /** Whether the documents look like this format. Cheap, and never wrong about a sound file of it. */
  readonly recognises: (documents: ReadonlyArray<GoldDocument>) => boolean
  readonly parse: (documents: ReadonlyArray<GoldDocument>) => Parsed
}

export const invalid = (file: string, message: string): GoldError =>
  new GoldError({ reason: "Invalid", file, message: `${file}: ${message}` })

/** A number that is one: JSON may hold none other, tables may. */
export const finite = v.pipe(v.number(), v.finite())

/** `[start, end]`, as most formats write a range. */
export const pair = v.strictTuple([finite, finite])

/** JSON that all formats look at until one of them knows it. */
const parsedJson = new WeakMap<GoldDocument, Either.Either<unknown, GoldError>>()

const jsonOf = (document: GoldDocument): Either.Either<unknown, GoldError> => {
  const before = parsedJson.get(document)
  if (before !== undefined) return before
  const json = Either.try({
    try: (): unknown => JSON.parse(document.text),
    catch: (cause) =>
      invalid(document.path, `is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`),
  })
  parsedJson.set(document, json)
  return json
}

/** JSON files of one form. */
export interface JsonForm<A> {
  /** A file's content. The error names the first place that differs from the form. */
  readonly read: (document: GoldDocument) => Either.Either<A, GoldError>
  /** Whether there are files and all are of this form. */
  readonly isFormOf: (documents: ReadonlyArray<GoldDocument>) => boolean
}

/** JSON files that a schema describes. A file that was read is not read again: to recognise one is to read it. */
export const jsonForm = <A>(schema: v.GenericSchema<unknown, A>): JsonForm<A> => {
  const known = new WeakMap<GoldDocument, Either.Either<A, GoldError>>()
  const read = (document: GoldDocument): Either.Either<A, GoldError> => {
    const before = known.get(document)
    if (before !== undefined) return before
    const content = Either.flatMap(jsonOf(document), (value) => decode(document.path, schema, value))
    if (Either.isRight(content)) {
      known.set(document, content)
      // A large set fits in memory once, not twice.
      parsedJson.delete(document)
    }
    return content
  }
  return {
    read,
    isFormOf: (documents) =>
      documents.length > 0 && documents.every((document) => Either.isRight(read(document))),
  }
}

/** A value from outside as one of a schema. */
export const decode = <A>(
  file: string,
  schema: v.GenericSchema<unknown, A>,
  value: unknown,
): Either.Either<A, GoldError> => {
  const parsed = v.safeParse(schema, value)
  if (parsed.success) return Either.right(parsed.output)
  const [issue] = parsed.issues
  const place = v.getDotPath(issue)
  return Either.left(invalid(file, place === null ? issue.message : `${place}: ${issue.message}`))
}

/** Videos of all documents, one after the other; the first error otherwise. */
export const parseEach =
  (parse: (document: GoldDocument) => Parsed) =>
  (documents: ReadonlyArray<GoldDocument>): Parsed =>
    Either.map(Either.all(documents.map(parse)), (videos) => videos.flat())

/** Segments of many rows, gathered by video, videos in order of their first row. */
export const byVideo = <Row>(
  rows: Iterable<Row>,
  videoId: (row: Row) => string,
  segment: (row: Row) => RawVideo["segments"][number],
): ReadonlyArray<RawVideo> =>
  [...Map.groupBy(rows, videoId)].map(([id, own]) => ({ videoId: id, segments: own.map(segment) }))

/** The name of a file without folder and ending. */
export const stem = (path: string): string => (path.split("/").at(-1) ?? path).replace(/\.[^.]*$/u, "")

/** The name of the file that a path or an address leads to, without folder, query and ending. */
export const mediaStem = (address: string): string => stem(address.replace(/\?.*$/u, ""))

/** A name that every file system takes, and that hides nothing. */
export const plainName = /^(?!\.)[^/\\?*:|"<>\p{Cc}]{1,200}$/u
