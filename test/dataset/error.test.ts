import { describe, expect, test } from "bun:test"
import { mkdtemp } from "node:fs/promises"
import { Cause, Effect, Exit } from "effect"
import { DatasetError, unreadable, unwritable } from "../../src/dataset/DatasetError.ts"
import { unwritableScratch } from "../../src/dataset/scratch.ts"
import { NotPlain } from "../../src/files/plain.ts"

describe.each([
  ["reading", unreadable("/out/a")],
  ["writing", unwritable("/out/a")],
])("%s a file of a dataset", (_, failure) => {
  const failed = (cause: unknown) =>
    Effect.runPromiseExit(Effect.tryPromise({ try: () => Promise.reject(cause), catch: failure }))

  test.each([
    ["what the system says", Object.assign(new Error("EIO: i/o error"), { code: "EIO" })],
    ["what stands there", new NotPlain("is a pipe, not a file")],
  ])("fails for %s", async (_what, cause) => {
    const exit = await failed(cause)
    expect(Exit.isFailure(exit) && Cause.failureOrCause(exit.cause)).toMatchObject({
      _tag: "Left",
      left: expect.any(DatasetError),
    })
  })

  test.each([
    ["an error without a code", new TypeError("x is undefined")],
    ["a text", "a text"],
  ])("is a defect where %s is thrown: that is a bug", async (_what, bug) => {
    const exit = await failed(bug)
    expect(Exit.isFailure(exit) && [...Cause.defects(exit.cause)]).toEqual([bug])
  })
})

test.each([
  ["an output root", unwritable("/out/a"), "choose another --output-root"],
  ["a scratch folder", unwritableScratch("/out/a"), "set TMPDIR to another folder"],
])("%s whose folder is not there is said to be that, with the way out", async (_what, failure, wayOut) => {
  const writing = Effect.tryPromise({ try: () => mkdtemp("/nonexistent/folder/a"), catch: failure })
  const { message } = await Effect.runPromise(Effect.flip(writing))
  expect(message).toBe(
    `cannot write /out/a: there is no such folder; make it and run the same command again, or ${wayOut}`,
  )
})
