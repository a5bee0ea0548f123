import { Either } from "effect"
import type { GoldError, RawVideo } from "../gold.ts"
import { type GoldDocument, type GoldFormat, invalid, type Parsed } from "./GoldFormat.ts"

const annotation = /(?:^|\/)(\d+)_([\w-]{11})\.csv$/u
const taskList = /(?:^|\/)tasks_[^/]*\.txt$/u

interface Task {
  readonly id: string
  readonly steps: ReadonlyArray<string>
  /** What the file says that there are of them. */
  readonly stepCount: number
  readonly path: string
  /** 1-based line of the id. */
  readonly line: number
}

/** Lines of a task: id, title, address, number of steps, steps separated by commas, and an empty one. */
const linesOfTask = 6

/**
 * The tasks of a file. They are told apart by their number of lines, as CrossTask's own loader does: the title and the address may be
 * empty, so an empty line does not end a task.
 */
const readTasks = ({ path, text }: GoldDocument): Either.Either<ReadonlyArray<Task>, GoldError> => {
  const lines = text
    .replace(/^\uFEFF/u, "")
    .split(/\r?\n/u)
    .map((line) => line.trim())
  const tasks: Array<Task> = []
  let at = 0
  while (at < lines.length) {
    const [id = "", , , stepCount = "", steps, separator = ""] = lines.slice(at, at + linesOfTask)
    if (id === "") {
      at++
      continue
    }
    const line = at + 1
    if (steps === undefined || !/^\d+$/u.test(stepCount) || separator !== "")
      return Either.left(
        invalid(
          path,
          `line ${line}: ${JSON.stringify(id)} does not begin a task of five lines and an empty one`,
        ),
      )
    tasks.push({
      id,
      steps: steps === "" ? [] : steps.split(",").map((step) => step.trim()),
      stepCount: Number(stepCount),
      path,
      line,
    })
    at += linesOfTask
  }
  return Either.right(tasks)
}

/** The task that an annotation is of. A comma within a step cannot be told from one between steps, but the number of steps gives it away. */
const taskOf = (
  path: string,
  id: string,
  tasks: ReadonlyMap<string, Task>,
): Either.Either<Task, GoldError> => {
  const task = tasks.get(id)
  if (task === undefined) return Either.left(invalid(path, `no tasks_*.txt describes task ${id}`))
  return task.steps.length === task.stepCount
    ? Either.right(task)
    : Either.left(
        invalid(
          task.path,
          `line ${task.line}: task ${id} has ${task.stepCount} steps, but ${task.steps.length} are listed; a step cannot have a comma`,
        ),
      )
}

const readRow = (path: string, line: number, row: string, steps: ReadonlyArray<string>) => {
  const cells = row.split(",").map((cell) => (cell.trim() === "" ? Number.NaN : Number(cell)))
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
  tasks: ReadonlyMap<string, Task>,
): Either.Either<RawVideo, GoldError> => {
  const [, id = "", videoId = ""] = annotation.exec(path) ?? []
  const rows = text.split(/\r?\n/u).flatMap((row, i) => (row.trim() === "" ? [] : [{ row, line: i + 1 }]))
  return Either.flatMap(taskOf(path, id, tasks), ({ steps }) =>
    Either.map(Either.all(rows.map(({ row, line }) => readRow(path, line, row, steps))), (segments) => ({
      videoId,
      segments: segments.map((segment) => ({ ...segment, attributes: { task: id } })),
    })),
  )
}

/** CrossTask's folder: `tasks_*.txt` and `annotations/<task>_<video>.csv`, whose steps count from 1. */
export const crossTask: GoldFormat = {
  name: "crosstask",
  title: "CrossTask folder (tasks_*.txt, annotations/*.csv)",
  unit: "seconds",
  extensions: [".txt", ".csv"],
  recognises: (documents) =>
    documents.some(({ path }) => taskList.test(path)) && documents.some(({ path }) => annotation.test(path)),
  parse: (documents): Parsed =>
    Either.flatMap(
      Either.all(documents.filter(({ path }) => taskList.test(path)).map(readTasks)),
      (lists) => {
        const tasks = new Map(lists.flat().map((task) => [task.id, task] as const))
        return Either.all(
          documents.filter(({ path }) => annotation.test(path)).map((document) => readVideo(document, tasks)),
        )
      },
    ),
}
