import { describe, expect, test } from "bun:test"
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { Clock, Deferred, Effect, Either, Exit, Fiber, TestClock, TestContext } from "effect"
import { writeFile } from "../../src/dataset/store.ts"
import { thisProcess } from "../../src/files/liveness.ts"
import { readLock, staleAfter } from "../../src/output-root/lock.ts"
import { makeFolderLocks } from "../../src/output-root/locks.ts"
import { temporaryFolder } from "../support/folders.ts"
import { runIn } from "../support/in-root.ts"
import { finished } from "../support/run-cli.ts"

const run = Effect.runPromise

const holder = (folder: string, times = 0) =>
  Bun.spawn([process.execPath, join(import.meta.dir, "lock-holder.ts"), folder, String(times)], {
    stdout: "pipe",
    stderr: "pipe",
  })

/** Starts a process that holds the lock of a folder, and kills it as a crash would. */
const crashWhileHolding = async (folder: string) => {
  const child = holder(folder)
  await child.stdout.getReader().read()
  child.kill("SIGKILL")
  await child.exited
}

const locksOf = (root: string) => (existsSync(join(root, ".locks")) ? readdirSync(join(root, ".locks")) : [])

/** A lock as a process on another machine leaves it. */
const lockFromElsewhere = (root: string, id: string, beats: number) => {
  const dir = join(root, ".locks", id)
  mkdirSync(dir, { recursive: true })
  const owner = {
    ...thisProcess(),
    host: "far-away",
    pid_space: "another boot",
    token: "t0",
    since_utc: "2026-01-01T00:00:00.000Z",
  }
  writeFileSync(join(dir, "t0"), `${JSON.stringify(owner)}\n${String(beats).padStart(12, "0")}\n`)
}

/** The wall clock after a machine slept; no heartbeat has come due meanwhile. */
const later = (seconds: number): Clock.Clock =>
  Object.create(Clock.make(), {
    currentTimeMillis: { value: Effect.sync(() => Date.now() + seconds * 1000) },
  })

describe("one owner at a time", () => {
  test("a second one is told who the owner is, and nothing is done", async () => {
    await using root = await temporaryFolder()
    const folder = join(root.path, "cup 杯")
    const program = Effect.gen(function* () {
      const [one, other] = [yield* makeFolderLocks, yield* makeFolderLocks]
      const inner = other.hold("cup 杯", Effect.die("must not run"))
      return yield* one.hold("cup 杯", Effect.all({ refused: Effect.flip(inner), seen: readLock(folder) }))
    })
    const { refused, seen } = await runIn(root.path, program)
    expect(refused).toMatchObject({
      _tag: "Locked",
      folder,
      owner: { pid: process.pid, host: thisProcess().host },
    })
    expect(refused.message).toContain(`cup 杯 is being worked on by process ${process.pid} on `)
    expect(seen).toMatchObject({ liveness: "alive", owner: { pid: process.pid } })
    expect(readdirSync(root.path)).toEqual([])
  })

  test("success, failure and interruption leave no lock and do not make the folder", async () => {
    await using root = await temporaryFolder()
    const program = Effect.gen(function* () {
      const { hold } = yield* makeFolderLocks
      expect(
        yield* hold(
          "cup",
          Effect.sync(() => locksOf(root.path)),
        ),
      ).toEqual(["cup"])
      expect(yield* Effect.flip(hold("cup", Effect.fail("no luck")))).toBe("no luck")
      const begun = yield* Deferred.make<void>()
      const fiber = yield* Effect.fork(
        hold("cup", Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never)),
      )
      yield* Deferred.await(begun)
      expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
    })
    await runIn(root.path, program)
    expect(readdirSync(root.path)).toEqual([])
  })

  test("an interruption gives the lock back when the work has ended, and not before", async () => {
    await using root = await temporaryFolder()
    const program = Effect.gen(function* () {
      const locks = yield* makeFolderLocks
      const begun = yield* Deferred.make<void>()
      const held: Array<unknown> = []
      const lookAtTheEnd = Effect.sleep("20 millis").pipe(
        Effect.zipRight(readLock(join(root.path, "cup"))),
        Effect.map((lock) => held.push(lock?.owner)),
        Effect.orDie,
      )
      const use = Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never)
      const fiber = yield* Effect.fork(
        locks.hold(
          "cup",
          Effect.onInterrupt(use, () => lookAtTheEnd),
        ),
      )
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(fiber)
      return held
    })
    expect(await runIn(root.path, program)).toMatchObject([{ pid: process.pid }])
    expect(locksOf(root.path)).toEqual([])
  })

  test("processes that take and give back one lock are never in it together", async () => {
    await using root = await temporaryFolder()
    const folder = join(root.path, "cup")
    await crashWhileHolding(folder)
    const children = Array.from({ length: 5 }, () => holder(folder, 30))
    const ended = await Promise.all(children.map(finished))
    expect(ended).toMatchObject(Array.from({ length: 5 }, () => ({ code: 0, stderr: "" })))
    expect(readdirSync(root.path)).toEqual([])
  })
})

test("a lock that can be neither taken nor read is given up after 20 tries, and left as it is", async () => {
  await using root = await temporaryFolder()
  // As a network file system leaves it where a removed file is still open, but for good.
  const path = join(root.path, ".locks", "cup")
  mkdirSync(path, { recursive: true })
  writeFileSync(join(path, ".nfs0001"), "")
  let waits = 0
  const hurried: Clock.Clock = Object.create(Clock.make(), {
    sleep: { value: () => Effect.sync(() => void waits++) },
  })
  const { hold } = await run(makeFolderLocks)
  const attempt = hold("cup", Effect.die("must not run"))
  const error = await runIn(root.path, Effect.withClock(Effect.flip(attempt), hurried))
  expect(error).toMatchObject({ reason: "Unwritable", path })
  expect(error.message).toBe(
    `the lock ${path} can be neither taken nor read; is ${join(root.path, ".locks")} a folder that can be written to?`,
  )
  expect(waits).toBe(20)
  expect(readdirSync(path)).toEqual([".nfs0001"])
})

describe("an owner that died", () => {
  test("on this machine loses its lock at once", async () => {
    await using root = await temporaryFolder()
    const folder = join(root.path, "cup")
    await crashWhileHolding(folder)
    expect(await run(readLock(folder))).toMatchObject({ liveness: "dead" })
    const { hold } = await run(makeFolderLocks)
    expect(await runIn(root.path, hold("cup", Effect.succeed("done")))).toBe("done")
    expect(readdirSync(root.path)).toEqual([])
  })

  test("whose number another process has by now, too", async () => {
    await using root = await temporaryFolder()
    const folder = join(root.path, "cup")
    const { hold } = await run(makeFolderLocks)
    const path = join(root.path, ".locks", "cup")
    await runIn(
      root.path,
      hold(
        "cup",
        Effect.sync(() => {
          const [token = ""] = readdirSync(path)
          const [owner = "", beats = ""] = readFileSync(join(path, token), "utf8").split("\n")
          const earlier = { ...JSON.parse(owner), process_start: "1" }
          writeFileSync(join(path, token), `${JSON.stringify(earlier)}\n${beats}\n`)
        }).pipe(Effect.zipRight(readLock(folder))),
      ),
    ).then((lock) =>
      expect(lock).toMatchObject({ liveness: thisProcess().pid_space === null ? "elsewhere" : "dead" }),
    )
  })

  test("while it took the lock leaves nothing behind", async () => {
    await using root = await temporaryFolder()
    await crashWhileHolding(join(root.path, "cup"))
    renameSync(join(root.path, ".locks", "cup"), join(root.path, ".locks", ".tmp-0123456789ab"))
    mkdirSync(join(root.path, ".locks", ".tmp-ba9876543210"))
    const { hold } = await run(makeFolderLocks)
    await runIn(root.path, hold("plate", Effect.void))
    expect(readdirSync(root.path)).toEqual([])
  })

  test("before it wrote who it was leaves nothing behind, and what somebody is about to write stays", async () => {
    await using root = await temporaryFolder()
    const [left, begun] = [".tmp-0123456789ab", ".tmp-ba9876543210"]
    for (const name of [left, begun]) {
      mkdirSync(join(root.path, ".locks", name), { recursive: true })
      writeFileSync(join(root.path, ".locks", name, "f".repeat(24)), "")
    }
    const aMomentAgo = Date.now() / 1000 - 10
    utimesSync(join(root.path, ".locks", left, "f".repeat(24)), aMomentAgo, aMomentAgo)
    const { hold } = await run(makeFolderLocks)
    await runIn(root.path, hold("plate", Effect.void))
    expect(locksOf(root.path)).toEqual([begun])
  })

  test("while it gave a sign of life leaves nothing behind, and what somebody else is writing stays", async () => {
    await using root = await temporaryFolder()
    const locks = join(root.path, ".locks")
    mkdirSync(locks)
    for (const name of [".tmp-0123456789ab", ".tmp-ba9876543210"]) writeFileSync(join(locks, name), "half")
    const longAgo = Date.now() / 1000 - 3600
    utimesSync(join(locks, ".tmp-0123456789ab"), longAgo, longAgo)
    const { hold } = await run(makeFolderLocks)
    await runIn(root.path, hold("plate", Effect.void))
    expect(locksOf(root.path)).toEqual([".tmp-ba9876543210"])
  })

  test("between two signs of life is found out, whichever of them is looked at", async () => {
    await using root = await temporaryFolder()
    await crashWhileHolding(join(root.path, "cup"))
    const path = join(root.path, ".locks", "cup")
    const [version = ""] = readdirSync(path)
    cpSync(join(path, version), join(path, "0".repeat(24)))
    const { hold } = await run(makeFolderLocks)
    expect(await runIn(root.path, hold("cup", Effect.succeed("done")))).toBe("done")
    expect(readdirSync(root.path)).toEqual([])
  })

  test("elsewhere loses it after a minute without a sign of life, seen by our own clock", async () => {
    await using root = await temporaryFolder()
    lockFromElsewhere(root.path, "cup", 1)
    const program = Effect.gen(function* () {
      const { hold } = yield* makeFolderLocks
      const attempt = Effect.match(hold("cup", Effect.void), {
        onFailure: ({ _tag }) => _tag,
        onSuccess: () => "done",
      })
      const outcomes = [yield* attempt]
      yield* TestClock.adjust("50 seconds")
      outcomes.push(yield* attempt)
      lockFromElsewhere(root.path, "cup", 2)
      yield* TestClock.adjust(staleAfter)
      outcomes.push(yield* attempt)
      yield* TestClock.adjust("59 seconds")
      outcomes.push(yield* attempt)
      yield* TestClock.adjust("1 seconds")
      outcomes.push(yield* attempt)
      return outcomes
    })
    const outcomes = await runIn(root.path, Effect.provide(program, TestContext.TestContext))
    expect(outcomes).toEqual(["Locked", "Locked", "Locked", "Locked", "done"])
    expect(readdirSync(root.path)).toEqual([])
  })
})

describe("an owner whose lock was taken over", () => {
  test("stops by itself, and leaves the new owner's lock alone", async () => {
    await using root = await temporaryFolder()
    const folder = join(root.path, "cup")
    const program = Effect.gen(function* () {
      const { hold } = yield* makeFolderLocks
      const begun = yield* Deferred.make<void>()
      const fiber = yield* Effect.fork(
        hold("cup", Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never)),
      )
      yield* Deferred.await(begun)
      rmSync(join(root.path, ".locks", "cup"), { recursive: true })
      lockFromElsewhere(root.path, "cup", 1)
      yield* TestClock.adjust("5 seconds")
      return yield* Effect.flip(Fiber.join(fiber))
    })
    const error = await runIn(root.path, Effect.provide(program, TestContext.TestContext))
    expect(error).toMatchObject({ _tag: "DatasetError", reason: "LockLost", path: folder })
    expect(locksOf(root.path)).toEqual(["cup"])
  })

  /** What an owner writes after it has slept for so long and lost its lock meanwhile. */
  const writtenAfter = async (root: string, seconds: number) => {
    const folder = join(root, "cup")
    const program = Effect.gen(function* () {
      const { hold } = yield* makeFolderLocks
      const work = Effect.gen(function* () {
        yield* writeFile("cup/before", "x")
        rmSync(join(root, ".locks", "cup"), { recursive: true })
        lockFromElsewhere(root, "cup", 1)
        yield* Effect.withClock(writeFile("cup/after", "x"), later(seconds))
      })
      return yield* Effect.either(hold("cup", work))
    })
    return { result: await runIn(root, program), files: readdirSync(folder).toSorted() }
  }

  test.each([20, 3600])("writes nothing when it wakes up after %d s", async (seconds) => {
    await using root = await temporaryFolder()
    const { files, result } = await writtenAfter(root.path, seconds)
    expect(Either.isLeft(result) && result.left).toMatchObject({ reason: "LockLost" })
    expect(files).toEqual(["before"])
  })

  test("does not ask for its lock at every file", async () => {
    await using root = await temporaryFolder()
    expect((await writtenAfter(root.path, 2)).files).toEqual(["after", "before"])
  })
})
