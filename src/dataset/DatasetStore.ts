import { Context, Effect, type Scope } from "effect"
import type { PlainDigest } from "../files/plain.ts"
import type { NameSync } from "../files/whole.ts"
import type { DatasetError } from "./DatasetError.ts"

/** Most bytes of a file, by what is in it. What is larger is not read: no run makes such a thing. */
export const sizeLimit = { text: 64 << 20, picture: 256 << 20, clip: 2 ** 38 } as const

/** A file in the making that is older than this has no writer any more: what is written without a lock is small. */
export const abandonedAfterMs = 60_000

/** What stands at a key. */
export interface StoreEntry {
  readonly kind: "file" | "folder" | "other"
  readonly sizeBytes: number
  /** Why something that is neither file nor folder is not worked with: the rest of a sentence about it. */
  readonly problem?: string
  /** Another one after every write. */
  readonly stamp: string
}

/** What stands in a folder. */
export interface NamedEntry extends StoreEntry {
  readonly name: string
}

/** A small file that is written only under a condition, as it was read. */
export interface VersionedFile {
  readonly content: string
  /** Another one after every write. */
  readonly version: string
}

/**
 * Files that several processes may want to write: what locks are made of. They are a kind of their own, which the other
 * operations of a store neither read nor write. Of several that try one of these at the same time, one succeeds.
 */
export interface ConditionalFiles {
  /** Names in a folder. */
  readonly list: (folder: string) => Effect.Effect<ReadonlyArray<string>, DatasetError>
  readonly read: (key: string) => Effect.Effect<VersionedFile | undefined, DatasetError>
  /** Makes a file; undefined if there is one, and else its version. */
  readonly create: (key: string, content: string) => Effect.Effect<string | undefined, DatasetError>
  /** Replaces a file if its version still stands; gives its new version, or undefined if it does not. */
  readonly replace: (
    key: string,
    version: string,
    content: string,
  ) => Effect.Effect<string | undefined, DatasetError>
  /** Removes a file if its version still stands, and what a crash has left of one that has none. */
  readonly remove: (key: string, version: string | undefined) => Effect.Effect<void, DatasetError>
  /**
   * Removes what crashes have left of files in the making, while others may be writing in the folder.
   *
   * @param isAbandoned whether who made a file of this content is gone
   */
  readonly sweep: (
    folder: string,
    isAbandoned: (content: string) => Effect.Effect<boolean>,
  ) => Effect.Effect<void, DatasetError>
}

/**
 * Where the folders of videos are. Keys are relative to the output root, with `/` and without `.` and `..`; `""` is the root
 * itself. A file is there whole or not at all, and stays when the power fails. Nothing but plain files is read, replaced or
 * removed, and nothing outside of the root.
 *
 * Everything fails with a `DatasetError` that names the place: `Unreadable`, `Unwritable`, or `NotPlain` where something is in
 * the way that is neither file nor folder.
 */
export interface Store {
  /** What a key is called for people and in records: an absolute path or an address. */
  readonly locate: (key: string) => string
  /** What stands at a key itself; undefined if nothing does. */
  readonly look: (key: string) => Effect.Effect<StoreEntry | undefined, DatasetError>
  /** Watches a folder from when it is first there; what it gives tells whether it is still that folder. */
  readonly watch: (folder: string) => Effect.Effect<Effect.Effect<boolean, DatasetError>, never, Scope.Scope>
  /** Names in a folder, sorted; none if there is no such folder. */
  readonly list: (folder: string) => Effect.Effect<ReadonlyArray<string>, DatasetError>
  /** The bytes of a file of at most `limit` bytes; undefined if there is none. */
  readonly read: (key: string, limit: number) => Effect.Effect<Buffer | undefined, DatasetError>
  /** Digest, size and ends of a file that may be too large for memory; undefined if there is none. */
  readonly digest: (key: string, limit: number) => Effect.Effect<PlainDigest | undefined, DatasetError>
  /** What stands in a folder, in order of name; nothing if there is no such folder. */
  readonly entries: (folder: string) => Effect.Effect<ReadonlyArray<NamedEntry>, DatasetError>
  /** Paths at which files can be read, by a decoder for example, until the scope closes. They need not be there. */
  readonly localPaths: (
    keys: ReadonlyArray<string>,
  ) => Effect.Effect<(key: string) => string, DatasetError, Scope.Scope>
  /** Writes a file, whole. With `later` its name is durable only after `syncNames`, which many can share. */
  readonly write: (
    key: string,
    content: string | Uint8Array,
    names?: NameSync,
  ) => Effect.Effect<void, DatasetError>
  /**
   * Lets `produce` write a file at a path of its own, then gives it its key. Failure and interruption remove what was
   * begun.
   */
  readonly publish: <A, E, R>(
    key: string,
    produce: (path: string) => Effect.Effect<A, E, R>,
  ) => Effect.Effect<A, E | DatasetError, R>
  /** Gives a file another key. A file that has that key is replaced. */
  readonly rename: (from: string, to: string) => Effect.Effect<void, DatasetError>
  /**
   * Gives a file, or a folder with all that is in it, another key that is free; what has that key already stays.
   *
   * @returns whether something of the kind has that key now
   */
  readonly move: (from: string, to: string, kind: "file" | "folder") => Effect.Effect<boolean, DatasetError>
  /** Makes a second file with the content of the first, whole or not at all; false if the key is taken. */
  readonly copy: (from: string, to: string) => Effect.Effect<boolean, DatasetError>
  /** Makes the names in a folder durable that were written with `later`. */
  readonly syncNames: (folder: string) => Effect.Effect<void, DatasetError>
  /** Removes a file; nothing happens if it is not there. */
  readonly remove: (key: string) => Effect.Effect<void, DatasetError>
  /** Removes a folder if nothing is in it any more. */
  readonly removeIfEmpty: (folder: string) => Effect.Effect<void, DatasetError>
  /** Removes files in the making that were left in a folder at least `olderThanMs` ago. */
  readonly sweep: (folder: string, olderThanMs: number) => Effect.Effect<void, DatasetError>
  /** Bytes that can still be written in a folder; undefined where nobody knows. */
  readonly freeBytes: (folder: string) => Effect.Effect<number | undefined, DatasetError>
  readonly conditional: ConditionalFiles
  /** The same store, which asks before it gives anything a key or takes one away: what fails there is not done. */
  readonly confirmedBy: (confirm: Effect.Effect<void, DatasetError>) => Store
}

/** The store of one output root. */
export class DatasetStore extends Context.Tag("triptych/DatasetStore")<DatasetStore, Store>() {}

/** Opens the store of an output root, as settings name it. */
export class OutputRoots extends Context.Tag("triptych/OutputRoots")<
  OutputRoots,
  { readonly open: (outputRoot: string) => Store }
>() {}

/** Works in the store of an output root. */
export const inOutputRoot =
  (outputRoot: string) =>
  <A, E, R>(work: Effect.Effect<A, E, R>) =>
    Effect.flatMap(OutputRoots, ({ open }) => Effect.provideService(work, DatasetStore, open(outputRoot)))
