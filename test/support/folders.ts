import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

/** Holds everything that a test run writes; `clean-up.ts` removes it when the whole run ends. */
export const root = mkdtempSync(join(tmpdir(), "triptych-test-"))

/** A new folder that is gone when its scope ends. */
export const temporaryFolder = async () => {
  const path = await mkdtemp(join(root, "scope-"))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** A new folder that is gone when the test run ends. */
export const runFolder = (): string => mkdtempSync(join(root, "folder-"))

/** Such a folder with empty files at these paths below it. */
export const folderWith = (...files: ReadonlyArray<string>): string => {
  const folder = runFolder()
  for (const file of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), "")
  }
  return folder
}

/** Folders of files on their way that a process has, in the system's place for such. */
export const scratchOf = (pid: number): ReadonlyArray<string> =>
  readdirSync(tmpdir()).filter((name) => new RegExp(`^triptych-[0-9a-f]{8}-${pid}-`, "u").test(name))
