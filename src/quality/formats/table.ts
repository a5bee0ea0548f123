import { CsvError, parse as parseCsv } from "csv-parse/sync"
import { Either } from "effect"
import * as v from "valibot"
import type { GoldError } from "../gold.ts"
import {
  byVideo,
  decode,
  finite,
  type GoldDocument,
  type GoldFormat,
  invalid,
  parseEach,
} from "./GoldFormat.ts"

/** A row of a table by its column names, and where it stands. */
export interface TableRow {
  /** 1-based, the header being line 1. */
  readonly line: number
  readonly cells: Readonly<Record<string, string>>
}

const cellsSchema = v.record(v.string(), v.string())

/** The rows of a CSV or TSV file with a header line; the separator is the one its header uses. */
export const readTable = ({
  path,
  text,
}: GoldDocument): Either.Either<ReadonlyArray<TableRow>, GoldError> => {
  const [header = ""] = text.split(/\r?\n/u, 1)
  return Either.try({
    try: (): ReadonlyArray<TableRow> =>
      parseCsv(text, {
        bom: true,
        columns: true,
        delimiter: header.includes("\t") ? "\t" : ",",
        skip_empty_lines: true,
        trim: true,
        // Row by row: all of them at once, as they come, would take as much memory as the rest of a score.
        on_record: (record: unknown, { lines }): TableRow => ({
          line: lines,
          cells: v.parse(cellsSchema, record),
        }),
      }),
    catch: (cause) =>
      invalid(path, `is not a table: ${cause instanceof CsvError ? cause.message : String(cause)}`),
  })
}

/** The cell of a column as a number, or an error that names line and column. */
export const numberIn = (
  path: string,
  { line, cells }: TableRow,
  column: string,
): Either.Either<number, GoldError> => {
  const text = cells[column] ?? ""
  const value = text === "" ? Number.NaN : Number(text)
  return Number.isFinite(value)
    ? Either.right(value)
    : Either.left(invalid(path, `line ${line}: ${column} is ${JSON.stringify(text)}, not a number`))
}

/** The names of a table's columns, from its first line. */
const columnsOf = ({ text }: GoldDocument): ReadonlyArray<string> =>
  (text.split(/\r?\n/u, 1)[0] ?? "")
    .replace(/^\uFEFF/u, "")
    .split(/[,\t]/u)
    .map((name) => name.trim().replace(/^"(.*)"$/u, "$1"))

export const hasColumns =
  (...names: ReadonlyArray<string>) =>
  (documents: ReadonlyArray<GoldDocument>): boolean =>
    documents.length > 0 &&
    documents.every((document) => names.every((name) => columnsOf(document).includes(name)))

const columns = ["video_id", "start_sec", "end_sec", "label"] as const

/** What is surest of predictions; an empty cell is none. */
const scoreIn = (path: string, row: TableRow): Either.Either<number | undefined, GoldError> =>
  (row.cells.score ?? "") === "" ? Either.right(undefined) : numberIn(path, row, "score")

/** A plain table: `video_id,start_sec,end_sec,label` in any order, `score` if there is one, further columns as attributes. */
export const csv: GoldFormat = {
  name: "csv",
  title: "CSV or TSV with the columns video_id, start_sec, end_sec, label",
  unit: "seconds",
  extensions: [".csv", ".tsv"],
  recognises: hasColumns(...columns),
  parse: parseEach((document) => {
    if (!hasColumns(...columns)([document]))
      return Either.left(invalid(document.path, `needs the columns ${columns.join(", ")}`))
    const rows = Either.flatMap(readTable(document), (table) =>
      Either.all(
        table.map((row) =>
          Either.map(
            Either.all({
              start: numberIn(document.path, row, "start_sec"),
              end: numberIn(document.path, row, "end_sec"),
              score: scoreIn(document.path, row),
            }),
            (numbers) => ({ ...numbers, cells: row.cells }),
          ),
        ),
      ),
    )
    return Either.map(rows, (all) =>
      byVideo(
        all,
        ({ cells }) => cells.video_id ?? "",
        ({
          start,
          end,
          score,
          cells: { video_id, start_sec, end_sec, label = "", score: _, ...attributes },
        }) => ({
          start,
          end,
          label,
          ...(score === undefined ? {} : { score }),
          ...(Object.keys(attributes).length === 0 ? {} : { attributes }),
        }),
      ),
    )
  }),
}

const lineSchema = v.object({
  video_id: v.string(),
  start_sec: finite,
  end_sec: finite,
  label: v.string(),
  score: v.optional(finite),
})

const linesOf = ({ text }: GoldDocument) =>
  text
    .replace(/^\uFEFF/u, "")
    .split(/\r?\n/u)
    .flatMap((line, i) => (line.trim() === "" ? [] : [{ line, number: i + 1 }]))

const parseLine = (path: string, { line, number }: { readonly line: string; readonly number: number }) =>
  Either.flatMap(
    Either.try({
      try: (): unknown => JSON.parse(line),
      catch: () => invalid(path, `line ${number} is not JSON`),
    }),
    (json) => decode(`${path}, line ${number}`, lineSchema, json),
  )

/** JSON lines: one object a segment, `{video_id, start_sec, end_sec, label, score?}`. */
export const jsonl: GoldFormat = {
  name: "jsonl",
  title: "JSON lines of {video_id, start_sec, end_sec, label}",
  unit: "seconds",
  extensions: [".jsonl", ".ndjson"],
  recognises: (documents) =>
    documents.length > 0 &&
    documents.every((document) => {
      const [first] = linesOf(document)
      return first !== undefined && Either.isRight(parseLine(document.path, first))
    }),
  parse: parseEach((document) =>
    Either.map(Either.all(linesOf(document).map((line) => parseLine(document.path, line))), (rows) =>
      byVideo(
        rows,
        ({ video_id }) => video_id,
        ({ start_sec, end_sec, label, score }) => ({
          start: start_sec,
          end: end_sec,
          label,
          ...(score === undefined ? {} : { score }),
        }),
      ),
    ),
  ),
}
