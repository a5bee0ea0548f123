import { Effect } from "effect"
import { parseJson } from "../files/json.ts"
import type { NameSync } from "../files/whole.ts"
import { sha256 } from "../plan/fingerprint.ts"
import { DatasetError } from "./DatasetError.ts"
import { abandonedAfterMs, DatasetStore, sizeLimit } from "./DatasetStore.ts"

/** What stands at a key; undefined if nothing does. */
export const lookAt = (key: string) => Effect.flatMap(DatasetStore, (store) => store.look(key))

/** The bytes of a file; undefined if there is none. */
export const readBytes = (key: string, limit: number = sizeLimit.text) =>
  Effect.flatMap(DatasetStore, (store) => store.read(key, limit))

/** Digest and size of a file that may be too large for memory; undefined if there is none. */
export const readDigest = (key: string, limit: number = sizeLimit.clip) =>
  Effect.flatMap(DatasetStore, (store) => store.digest(key, limit))

/** The text of a file; undefined if there is none. */
export const readText = (key: string) => Effect.map(readBytes(key), (bytes) => bytes?.toString("utf8"))

/** The JSON value of a file; undefined if there is none or it does not parse. */
export const readJson = (key: string) =>
  Effect.map(readText(key), (text) => (text === undefined ? undefined : parseJson(text)))

/** Names in a folder, sorted; empty if there is no such folder. */
export const listFolder = (folder: string) => Effect.flatMap(DatasetStore, (store) => store.list(folder))

/** What stands in a folder, in order of name; nothing if there is no such folder. */
export const entriesIn = (folder: string) => Effect.flatMap(DatasetStore, (store) => store.entries(folder))

/** Paths at which files can be read until the scope closes, by key. */
export const localPaths = (keys: ReadonlyArray<string>) =>
  Effect.flatMap(DatasetStore, (store) => store.localPaths(keys))

/** A path at which a file can be read until the scope closes. */
export const localPath = (key: string) => Effect.map(localPaths([key]), (pathOf) => pathOf(key))

/** Writes a file, whole or not at all. */
export const writeFile = Effect.fn("Dataset.writeFile")(
  (key: string, content: string | Uint8Array, names?: NameSync) =>
    Effect.flatMap(DatasetStore, (store) => store.write(key, content, names)),
)

/** Writes a file unless it already holds exactly this; true if it had to. */
export const writeIfChanged = Effect.fn("Dataset.writeIfChanged")(function* (
  key: string,
  content: string | Uint8Array,
  names?: NameSync,
) {
  const present = yield* readBytes(key)
  const wanted = typeof content === "string" ? Buffer.from(content) : content
  if (present !== undefined && Buffer.compare(present, wanted) === 0) return false
  yield* writeFile(key, content, names)
  return true
})

/** Lets `produce` write a file at a path of its own, then gives it its key. */
export const publishFile = <A, E, R>(key: string, produce: (path: string) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(DatasetStore, (store) => store.publish(key, produce))

/** Gives a file another key, durably. A file that has that key is replaced. */
export const renameFile = (from: string, to: string) =>
  Effect.flatMap(DatasetStore, (store) => store.rename(from, to))

/** Makes the names in a folder durable that were written with `later`. */
export const syncNames = Effect.fn("Dataset.syncNames")((folder: string) =>
  Effect.flatMap(DatasetStore, (store) => store.syncNames(folder)),
)

/** Removes a file; nothing happens if it is not there. */
export const removeFile = (key: string) => Effect.flatMap(DatasetStore, (store) => store.remove(key))

/** Removes a folder if nothing is in it any more. */
export const removeIfEmpty = (folder: string) =>
  Effect.flatMap(DatasetStore, (store) => store.removeIfEmpty(folder))

/** Removes what a crash has left in a folder: files in the making. Only while nobody writes there. */
export const removeLeftovers = (folder: string) =>
  Effect.flatMap(DatasetStore, (store) => store.sweep(folder, Number.NEGATIVE_INFINITY))

/** As `removeLeftovers`, for a folder in which others may be writing: only what has long been left there. */
export const removeAbandoned = (folder: string) =>
  Effect.flatMap(DatasetStore, (store) => store.sweep(folder, abandonedAfterMs))

/** Replies come with their records, and many may be under way at once. */
const roomForReplies = 8 << 20

/** Fails if the store of a folder is too full to keep what is about to be paid for. */
export const ensureRoom = Effect.fn("Dataset.ensureRoom")(function* (folder: string) {
  const store = yield* DatasetStore
  const free = yield* store.freeBytes(folder)
  if (free === undefined || free >= roomForReplies) return
  const path = store.locate(folder)
  const message = `less than ${roomForReplies >> 20} MiB are free on the disk of ${path}, too little to ask for answers and keep them; make room and run the same command again`
  return yield* new DatasetError({ reason: "Unwritable", path, message })
})

/** Half a surrogate pair is valid in JSON, but no other language can write it down again. */
const wellFormed = (_key: string, item: unknown): unknown =>
  typeof item === "string" ? item.toWellFormed() : item

/** JSON as it stands in every file of the dataset: two spaces, a final newline. */
export const jsonText = (value: unknown): string => `${JSON.stringify(value, wellFormed, 2)}\n`

/** The digest of a call's prompts: of the texts of both files, the system prompt first. */
export const promptDigest = (system: string, user: string): string => sha256(`${system}\0${user}`)
