import { Either } from "effect"
import type { GoldError, RawVideo } from "../gold.ts"
import { type GoldDocument, type GoldFormat, invalid, type Parsed } from "./GoldFormat.ts"

const annotation = /(?:^|\/)(\d+)_([\w-]{11})\.csv$/u
const taskList = /(?:^|\/)tasks_[^/]*\.txt$/u

/** Steps by task id. A task is five lines: id, title, address, number of steps, steps separated by commas; then an empty one. */
const readTasks = (documents: ReadonlyArray<GoldDocument>): ReadonlyMap<string, ReadonlyArray<string>> =>
  new Map(
    documents.flatMap(({ text }) =>
      text
        .split(/\r?\n\s*\r?\n/u)
        .map((block) => block.trim().split(/\r?\n/u))
        .filter((lines) => lines.length >= 5)
        .map((lines) => [lines[0] ?? "", (lines[4] ?? "").split(",").map((step) => step.trim())] as const),
    ),
  )

const readRow = (path: string, line: number, row: string, steps: ReadonlyArray<string>) => {
  const cells = row.split(",").map(Number)
  const [step, start, end] = cells
  if (
    cells.length !== 3 ||
    step === undefined ||
    start === undefined ||
    end === undefined ||
    !cells.every(Number.isFinite)
  )
    return Either.left(invalid(path, `line ${line} is not step,start,end`))
  const label = steps[step - 1]
  return label === undefined
    ? Either.left(invalid(path, `line ${line}: step ${step} is not one of the task's ${steps.length}`))
    : Either.right({ start, end, label })
}

const readVideo = (
  { path, text }: GoldDocument,
  tasks: ReadonlyMap<string, ReadonlyArray<string>>,
): Either.Either<ReadonlyArray<RawVideo>, GoldError> => {
  const [, task = "", videoId = ""] = annotation.exec(path) ?? []
  const steps = tasks.get(task)
  if (steps === undefined) return Either.left(invalid(path, `no tasks_*.txt describes task ${task}`))
  const rows = text.split(/\r?\n/u).flatMap((row, i) => (row.trim() === "" ? [] : [{ row, line: i + 1 }]))
  return Either.map(Either.all(rows.map(({ row, line }) => readRow(path, line, row, steps))), (segments) => [
    { videoId, segments: segments.map((segment) => ({ ...segment, attributes: { task } })) },
  ])
}

/** CrossTask's folder: `tasks_*.txt` and `annotations/<task>_<video>.csv`, whose steps count from 1. */
export const crossTask: GoldFormat = {
  name: "crosstask",
  title: "CrossTask folder (tasks_*.txt, annotations/*.csv)",
  unit: "seconds",
  extensions: [".txt", ".csv"],
  recognises: (documents) =>
    documents.some(({ path }) => taskList.test(path)) && documents.some(({ path }) => annotation.test(path)),
  parse: (documents): Parsed => {
    const tasks = readTasks(documents.filter(({ path }) => taskList.test(path)))
    const videos = documents
      .filter(({ path }) => annotation.test(path))
      .map((document) => readVideo(document, tasks))
    return Either.map(Either.all(videos), (all) => all.flat())
  },
}
