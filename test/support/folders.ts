import { afterAll } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** Holds everything that this test run writes. Preloaded (`bunfig.toml`), so that it goes when the whole run ends. */
const root = mkdtempSync(join(tmpdir(), "triptych-test-"))

afterAll(() => rmSync(root, { recursive: true, force: true }))

/** A new folder that is gone when its scope ends. */
export const temporaryFolder = async () => {
  const path = await mkdtemp(join(root, "scope-"))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** A new folder that is gone when the test run ends. */
export const runFolder = (): string => mkdtempSync(join(root, "folder-"))
