import { closeSync, openSync, rmSync, writeSync } from "node:fs"
import { basename, dirname } from "node:path"
import { Effect } from "effect"
import { makeFolderLocks } from "../../src/output-root/locks.ts"
import { inRoot } from "../support/in-root.ts"

/**
 * A process of its own that takes the lock of a folder `times` times and says so. While it holds it, it makes a file that
 * must not be there yet; with `times` 0 it holds the lock until it is killed.
 */
const [folder = "", times = "0"] = process.argv.slice(2)

const alone = Effect.promise(async () => {
  const marker = `${folder}.marker`
  closeSync(openSync(marker, "wx"))
  await Bun.sleep(Math.random() * 3)
  rmSync(marker)
})
const forever = Effect.zipRight(
  Effect.sync(() => writeSync(1, "held\n")),
  Effect.never,
)

const program = Effect.gen(function* () {
  const { hold } = yield* makeFolderLocks
  for (let left = Number(times); left > 0; ) {
    const outcome = yield* Effect.either(hold(basename(folder), alone))
    if (outcome._tag === "Right") left--
    else if (outcome.left._tag === "Locked") yield* Effect.sleep(1)
    else return yield* outcome.left
  }
  if (times === "0") yield* hold(basename(folder), forever)
})

await Effect.runPromise(inRoot(dirname(folder))(program))
