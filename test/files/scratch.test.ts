import { expect, test } from "bun:test"
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { Effect } from "effect"
import { thisProcess } from "../../src/files/liveness.ts"
import { removeDeadScratch, scratchFolderOr } from "../../src/files/scratch.ts"

const scratch = scratchFolderOr((path) => (cause) => new Error(path, { cause }))

test("folders of processes that are dead are removed, by however many at the same time, and no others", async () => {
  const { pid_space } = thisProcess()
  const seen = Effect.gen(function* () {
    const own = yield* scratch
    const space = basename(own).split("-").slice(0, 2).join("-")
    // No process has a number above 2^22.
    const dead = Array.from({ length: 20 }, (_, i) => join(tmpdir(), `${space}-4194305-1-dead${i}`))
    const others = ["triptych-00000000-4194305-1-x", `${space}-4194305`].map((name) => join(tmpdir(), name))
    for (const folder of [...dead, ...others]) {
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, "half"), "x")
    }
    yield* Effect.all(Array<typeof removeDeadScratch>(4).fill(removeDeadScratch), {
      concurrency: "unbounded",
    })
    const left = { dead: dead.filter(existsSync), others: others.filter(existsSync), own: existsSync(own) }
    for (const folder of [...dead, ...others]) rmSync(folder, { recursive: true, force: true })
    // Where processes of several machines cannot be told apart, nothing is removed.
    expect(left).toEqual({ dead: pid_space === null ? dead : [], others, own: true })
    return own
  })
  expect(existsSync(await Effect.runPromise(Effect.scoped(seen)))).toBe(false)
})
