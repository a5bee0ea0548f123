import { expect, setDefaultTimeout, test } from "bun:test"
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { runFolder } from "../support/folders.ts"
import { hostilities } from "./disk/hostile.ts"
import { canTrace, readAccesses, traced } from "./disk/strace.ts"
import { makeTree } from "./disk/tree.ts"
import { tryTree } from "./disk/trial.ts"

setDefaultTimeout(240_000)

test("a few hostile folders: nothing outside of them is read, written or removed, and the others are finished", async () => {
  const folder = runFolder()
  const work = join(folder, "work")
  mkdirSync(work)
  const tree = await makeTree(folder, 6, 1)
  const runs = await tryTree(tree, work)
  expect(runs.map(({ name, offences }) => [name, offences])).toEqual(
    ["resume", "overwrite", "validate", "status"].map((name) => [name, []]),
  )
})

test("every kind has a name of its own", () => {
  expect(new Set(hostilities.map(({ id }) => id)).size).toBe(hostilities.length)
  expect(hostilities.length).toBeGreaterThanOrEqual(60)
})

test.skipIf(!canTrace)("an access through a link is seen for what it is", async () => {
  const folder = runFolder()
  mkdirSync(join(folder, "outside"))
  writeFileSync(join(folder, "outside/secret"), "secret")
  symlinkSync(join(folder, "outside"), join(folder, "in"))
  const log = join(folder, "log")
  expect(Bun.spawnSync([...traced(log, ["cat", join(folder, "in/secret")])]).exitCode).toBe(0)
  expect(readAccesses(log, folder).map(({ path }) => path)).toContain(join(folder, "outside/secret"))
})
