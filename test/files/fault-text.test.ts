import { describe, expect, test } from "bun:test"
import { lstat } from "node:fs/promises"
import { Effect } from "effect"
import { DatasetError } from "../../src/dataset/DatasetError.ts"
import { orFinding } from "../../src/dataset/validate/finding.ts"
import { unreadableText } from "../../src/files/fault-text.ts"
import { NotPlain } from "../../src/files/plain.ts"

/** What a promise or a function fails with. */
const failureOf = (work: () => unknown): Promise<unknown> =>
  Promise.try(work).then(
    () => undefined,
    (cause: unknown) => cause,
  )

const decoder = new TextDecoder("utf-8", { fatal: true })
const bug = () => Reflect.get(JSON.parse("null"), "x")

describe("why a file cannot be read", () => {
  test.each([
    ["bytes that are no UTF-8", () => decoder.decode(Buffer.from([0xff])), "is not UTF-8 text"],
    ["a link", () => Promise.reject(new NotPlain("is a link")), "is a link"],
    ["nothing there", () => lstat("/none/at/all"), "does not exist"],
    [
      "a null byte in its name",
      () => lstat("a\0b"),
      "cannot be read: no file can have a name with a null byte in it",
    ],
  ])("%s", async (_name, work, text) => {
    expect(unreadableText(await failureOf(work))).toBe(text)
  })

  test("a bug is not taken for bytes that are no UTF-8", async () => {
    const text = unreadableText(await failureOf(bug))
    expect(text).toStartWith("cannot be read: ")
    expect(text).not.toContain("UTF-8")
  })

  test("what a store says in words alone is told by validation", async () => {
    const message = "the bucket is asleep"
    const read = new DatasetError({ reason: "Unreadable", path: "s3://b/x", message })
    const { findings } = await Effect.runPromise(orFinding("x", Effect.fail(read)))
    expect(findings.map((each) => each.message)).toEqual(["cannot be read: the bucket is asleep"])
  })
})
