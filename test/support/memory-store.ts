import { readFile, writeFile } from "node:fs/promises"
import { join, posix } from "node:path"
import { Effect } from "effect"
import { type DatasetError, unreadable, unwritable } from "../../src/dataset/DatasetError.ts"
import type { ConditionalFiles, Store, StoreEntry } from "../../src/dataset/DatasetStore.ts"
import { scratchFolder } from "../../src/dataset/scratch.ts"
import { NotPlain, sizeText } from "../../src/files/plain.ts"

interface Kept {
  readonly bytes: Buffer
  readonly version: string
}

/**
 * A store that is no file system: whole objects under keys, folders only where something is in them, as in a bucket. What needs a
 * path works in a folder of its own.
 */
export const memoryStore = (): Store => {
  const objects = new Map<string, Kept>()
  const conditions = new Map<string, Kept>()
  const locate = (key: string) => `memory://root/${key}`
  let writes = 0
  const kept = (bytes: string | Uint8Array): Kept => ({ bytes: Buffer.from(bytes), version: `v${++writes}` })
  const below = (folder: string) =>
    [...objects.keys()].filter((key) => folder === "" || key.startsWith(`${folder}/`))
  const namesIn = (keys: Iterable<string>, folder: string) => {
    const inside = folder === "" ? "" : `${folder}/`
    const rest = [...keys].filter((key) => key.startsWith(inside)).map((key) => key.slice(inside.length))
    return [...new Set(rest.map((key) => key.split("/")[0] ?? ""))].toSorted()
  }
  const read = (key: string, limit: number) =>
    Effect.suspend(() => {
      const bytes = objects.get(key)?.bytes
      if (bytes !== undefined && bytes.length > limit)
        return unreadable(locate(key))(new NotPlain(sizeText(limit)))
      return Effect.succeed(bytes)
    })
  const isInTheWay = (key: string): boolean => {
    const parents = key.split("/").slice(0, -1)
    return below(key).length > 0 || parents.some((_, i) => objects.has(parents.slice(0, i + 1).join("/")))
  }
  const put = (key: string, bytes: string | Uint8Array) =>
    Effect.suspend((): Effect.Effect<void, DatasetError> => {
      const blocked = Object.assign(new Error("EEXIST"), { code: "EEXIST" })
      return isInTheWay(key)
        ? unwritable(locate(key))(blocked)
        : Effect.sync(() => void objects.set(key, kept(bytes)))
    })
  const entryAt = (key: string): StoreEntry | undefined => {
    const found = objects.get(key)
    if (found !== undefined) return { kind: "file", sizeBytes: found.bytes.length, stamp: found.version }
    return below(key).length === 0 ? undefined : { kind: "folder", sizeBytes: 0, stamp: key }
  }
  const conditional: ConditionalFiles = {
    list: (folder) => Effect.sync(() => namesIn(conditions.keys(), folder)),
    read: (key) =>
      Effect.sync(() => {
        const found = conditions.get(key)
        return found && { content: found.bytes.toString("utf8"), version: found.version }
      }),
    create: (key, content) =>
      Effect.sync(() => {
        if (conditions.has(key)) return undefined
        conditions.set(key, kept(content))
        return `v${writes}`
      }),
    replace: (key, version, content) =>
      Effect.sync(() => {
        if (conditions.get(key)?.version !== version) return undefined
        conditions.set(key, kept(content))
        return `v${writes}`
      }),
    remove: (key, version) =>
      Effect.sync(() => void (conditions.get(key)?.version === version && conditions.delete(key))),
    sweep: () => Effect.void,
  }
  const opened = (confirm: Effect.Effect<void, DatasetError>): Store => {
    const confirmed = <A>(work: () => Effect.Effect<A, DatasetError>) =>
      Effect.zipRight(confirm, Effect.suspend(work))
    return {
      locate,
      look: (key) => Effect.sync(() => entryAt(key)),
      watch: () => Effect.succeed(Effect.succeed(true)),
      list: (folder) => Effect.sync(() => namesIn(objects.keys(), folder)),
      entries: (folder) =>
        Effect.sync(() =>
          namesIn(objects.keys(), folder).flatMap((name) => {
            const entry = entryAt(posix.join(folder, name))
            return entry === undefined ? [] : [{ name, ...entry }]
          }),
        ),
      read,
      digest: (key, limit) =>
        Effect.map(read(key, limit), (bytes) => {
          if (bytes === undefined) return undefined
          const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex")
          return { sha256, sizeBytes: bytes.length, first: bytes.subarray(0, 16), last: bytes.subarray(-16) }
        }),
      localPaths: (keys) =>
        Effect.gen(function* () {
          const folder = yield* scratchFolder
          const pathOf = (key: string) => join(folder, `${keys.indexOf(key)}-${posix.basename(key)}`)
          for (const key of keys) {
            const found = objects.get(key)
            if (found !== undefined) yield* Effect.promise(() => writeFile(pathOf(key), found.bytes))
          }
          return pathOf
        }),
      write: (key, content) => Effect.uninterruptible(Effect.zipRight(confirm, put(key, content))),
      publish: (key, produce) =>
        Effect.scoped(
          Effect.gen(function* () {
            const path = join(yield* scratchFolder, "made")
            const made = yield* produce(path)
            yield* confirm
            yield* put(key, yield* Effect.promise(() => readFile(path)))
            return made
          }),
        ),
      rename: (from, to) =>
        confirmed(() => Effect.map(put(to, objects.get(from)?.bytes ?? ""), () => void objects.delete(from))),
      move: (from, to, kind) =>
        confirmed(() => {
          const isFile = kind === "file"
          const isThere = (key: string) => (isFile ? objects.has(key) : below(key).length > 0)
          if (!isThere(from)) return Effect.succeed(isThere(to))
          if (objects.has(to) || below(to).length > 0) return Effect.succeed(false)
          for (const key of isFile ? [from] : below(from)) {
            const found = objects.get(key)
            if (found !== undefined) objects.set(`${to}${key.slice(from.length)}`, found)
            objects.delete(key)
          }
          return Effect.succeed(true)
        }),
      copy: (from, to) =>
        confirmed(() =>
          objects.has(to) ? Effect.succeed(false) : Effect.as(put(to, objects.get(from)?.bytes ?? ""), true),
        ),
      syncNames: () => Effect.void,
      remove: (key) => confirmed(() => Effect.sync(() => void objects.delete(key))),
      removeIfEmpty: () => Effect.void,
      sweep: () => Effect.void,
      freeBytes: () => Effect.succeed(undefined),
      conditional,
      confirmedBy: opened,
    }
  }
  return opened(Effect.void)
}
