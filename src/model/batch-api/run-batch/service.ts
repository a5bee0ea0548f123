import { copyFile, rename, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"
import { hasCode, onCode } from "../../../files/fault.ts"
import { kindAt, kindText, NotPlain } from "../../../files/plain.ts"
import { dropTemporary, giveName, makeFolder, syncFile, temporaryPath } from "../../../files/whole.ts"
import type { Redaction } from "../../redaction.ts"
import type { BatchService, RemoteBatch, Submission } from "../BatchService.ts"
import { onDisk } from "../disk.ts"
import { writeResults } from "../download.ts"
import { openAiLines } from "../openai/lines.ts"
import { resultsIn } from "../results.ts"

/** Moves a file to where nothing is, whole or not at all, also to another file system. */
const moveFile = async (from: string, to: string): Promise<void> => {
  try {
    await rename(from, to)
  } catch (cause) {
    if (!hasCode(cause, "EXDEV")) throw cause
    const temporary = temporaryPath(to)
    try {
      await copyFile(from, temporary)
      await syncFile(temporary)
      await giveName(temporary, to)
    } catch (fault) {
      await dropTemporary(temporary)
      throw fault
    }
    await rm(from)
  }
}

/** The file at a path; undefined if there is none. Throws `NotPlain` for what is no file. */
const fileAt = async (path: string) => {
  const kind = await kindAt(path)
  if (kind !== undefined && !kind.isFile()) throw new NotPlain(kindText(kind))
  return kind
}

/** How a file of requests stands in the folder: its id is its name without the ending. */
const batch = (
  id: string,
  told: Pick<RemoteBatch, "status" | "hasEnded"> & Partial<RemoteBatch>,
): RemoteBatch => ({
  id,
  isKnownStatus: true,
  isLate: false,
  answered: undefined,
  results: {},
  problem: undefined,
  isQueueFull: false,
  createdAt: undefined,
  endedAt: undefined,
  ...told,
})

/**
 * Files for `vllm run-batch`, which answers OpenAI's batch files on this or another machine: it is run by the user, and leaves its
 * results beside them. Half-written results are taken as far as they go.
 *
 * @param folder absolute path of the user's folder
 */
export const runBatchFiles = (folder: string, model: string, redaction: Redaction): BatchService => {
  const inputOf = (id: string) => join(folder, `${id}.jsonl`)
  const outputOf = (id: string) => join(folder, `${id}.results.jsonl`)
  const idOf = ({ name }: Pick<Submission, "name">) => `triptych-${name}`
  const waiting = (id: string) => batch(id, { status: "waiting", hasEnded: false })

  const create = Effect.fn("RunBatch.create")(function* (submission: Submission) {
    const id = idOf(submission)
    yield* onDisk(folder, async () => {
      await makeFolder(folder)
      await moveFile(submission.path, inputOf(id))
    })
    return waiting(id)
  })

  const isThere = (id: string) =>
    onDisk(folder, async () => {
      const kinds = [await fileAt(inputOf(id)), await fileAt(outputOf(id))]
      return kinds.some((kind) => kind !== undefined)
    })

  const find = Effect.fn("RunBatch.find")(function* (submission: Submission) {
    const id = idOf(submission)
    return (yield* isThere(id))
      ? ({ type: "batch", batch: waiting(id) } as const)
      : ({ type: "none" } as const)
  })

  /** A file of results in which no line has come yet is one that is being written. */
  const hasResults = async (path: string): Promise<boolean> => {
    if ((await fileAt(path)) === undefined) return false
    for await (const _line of resultsIn(path, openAiLines)) return true
    return false
  }

  const look = Effect.fn("RunBatch.look")(function* (id: string) {
    const [input, output] = [inputOf(id), outputOf(id)]
    if (!(yield* isThere(id))) return batch(id, { status: "removed", hasEnded: true })
    if (!(yield* onDisk(output, () => hasResults(output)))) return waiting(id)
    const endedAt = yield* onDisk(output, async () => (await stat(output)).mtimeMs / 1000)
    const made = yield* onDisk(input, () => stat(input).catch(onCode(undefined, "ENOENT")))
    const createdAt = made === undefined ? undefined : made.mtimeMs / 1000
    return batch(id, { status: "answered", hasEnded: true, results: { output }, createdAt, endedAt })
  })

  const download = (where: string, path: string) =>
    onDisk(where, async () => {
      await fileAt(where)
      return writeResults(new Response(Bun.file(where)), path, redaction.answer, "leave out")
    })

  return {
    limits: { maxBytes: Number.MAX_SAFE_INTEGER, maxRequests: 50_000 },
    format: openAiLines,
    prepare: () => Effect.succeed({}),
    create,
    find,
    look,
    download,
    discard: (id) => onDisk(inputOf(id), () => rm(inputOf(id), { force: true })),
    commandFor: (id) => ["vllm", "run-batch", "-i", inputOf(id), "-o", outputOf(id), "--model", model],
  }
}
