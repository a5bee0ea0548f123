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

/** A file is parsed once, however many formats look at it. */
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

/** Text of a JSON file as a value of a schema. The error names the first place that differs. */
export const parseJson = <A>(
  document: GoldDocument,
  schema: v.GenericSchema<unknown, A>,
): Either.Either<A, GoldError> =>
  Either.flatMap(jsonOf(document), (value) => decode(document.path, schema, value))

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

/** Whether any document is JSON of a form. */
export const isJsonOf =
  (schema: v.GenericSchema) =>
  (documents: ReadonlyArray<GoldDocument>): boolean =>
    documents.length === 1 && documents.every((document) => Either.isRight(parseJson(document, schema)))

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

/** A name that every file system takes, and that hides nothing. */
export const plainName = /^(?!\.)[^/\\?*:|"<>\p{Cc}]{1,200}$/u
