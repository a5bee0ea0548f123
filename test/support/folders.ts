import { mkdtempSync, readdirSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** Holds everything that a test run writes; `clean-up.ts` removes it when the whole run ends. */
export const root = mkdtempSync(join(tmpdir(), "triptych-test-"))

/** A new folder that is gone when its scope ends. */
export const temporaryFolder = async () => {
  const path = await mkdtemp(join(root, "scope-"))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** A new folder that is gone when the test run ends. */
export const runFolder = (): string => mkdtempSync(join(root, "folder-"))

/** Folders of files on their way that a process has, in the system's place for such. */
export const scratchOf = (pid: number): ReadonlyArray<string> =>
  readdirSync(tmpdir()).filter((name) => new RegExp(`^triptych-[0-9a-f]{8}-${pid}-`, "u").test(name))
