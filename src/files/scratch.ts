import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, type Scope } from "effect"
import { livenessOf, thisProcess } from "./liveness.ts"

/** `triptych-<PID space>-<PID>-<process start>-`: whose folder it is, so that a crash leaves nothing that nobody removes. */
const namePattern = /^triptych-([0-9a-f]{8})-(\d+)-(\d+)-/u

const spaceTag = (space: string): string =>
  new Bun.CryptoHasher("sha256").update(space).digest("hex").slice(0, 8)

const ownPrefix = (): string => {
  const { pid, pid_space, process_start } = thisProcess()
  return pid_space === null ? "triptych-" : `triptych-${spaceTag(pid_space)}-${pid}-${process_start}-`
}

/**
 * A new folder for files on their way, in the system's place for such; gone when the scope ends.
 *
 * @param unwritable what it fails with where no folder can be made, by the beginning of the folder's path and the cause
 */
export const scratchFolderOr = <E>(
  unwritable: (path: string) => (cause: unknown) => E,
): Effect.Effect<string, E, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      const prefix = join(tmpdir(), ownPrefix())
      return Effect.tryPromise({ try: () => mkdtemp(prefix), catch: unwritable(prefix) })
    }),
    // What cannot be removed now is removed by a later run, as after a crash.
    (path) => Effect.ignore(Effect.tryPromise(() => rm(path, { recursive: true, force: true }))),
  )

const removeDead = async (): Promise<void> => {
  const own = thisProcess()
  if (own.pid_space === null) return
  for (const name of await readdir(tmpdir())) {
    const [, tag, pid, process_start = null] = namePattern.exec(name) ?? []
    if (tag !== spaceTag(own.pid_space)) continue
    const liveness = await livenessOf({ ...own, pid: Number(pid), process_start }, own)
    if (liveness === "dead") await rm(join(tmpdir(), name), { recursive: true, force: true })
  }
}

/** Removes the folders that processes of this machine have left when they were killed. What cannot be removed stays. */
export const removeDeadScratch = Effect.ignore(Effect.tryPromise(removeDead))
