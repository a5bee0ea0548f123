import { expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Either, Option } from "effect"
import { requireOutputRoot } from "../../src/cli/folders.ts"
import { findInputs } from "../../src/cli/inputs.ts"
import { runFolder } from "../support/folders.ts"

const saidOf = async (inputVideo: string): Promise<string> => {
  const found = findInputs({
    inputVideo: Option.some(inputVideo),
    inputVideoDir: Option.none(),
    inputList: Option.none(),
    recursive: false,
    glob: Option.none(),
    id: "name",
    outputRoot: "out",
    continueOnError: false,
    retryFailed: false,
  })
  const result = await Effect.runPromise(Effect.either(found))
  return Either.isLeft(result) ? result.left.message : "nothing"
}

test.each([
  "https://example.com/a.mp4?sig=abc123",
  "file:///videos/a.mp4",
  "s3://bucket/a.mp4",
  "rtsp://user:word@camera/1",
])("an address in the place of a file is said to be one, and not repeated: %s", async (address) => {
  expect(await saidOf(address)).toBe(
    "--input-video takes the path of a file, not an address; download the video first",
  )
})

test("a home folder that no shell has written out is told of", async () => {
  expect(await saidOf("~/nowhere.mp4")).toEndWith(
    "/~/nowhere.mp4 does not exist; here ~ does not stand for your home folder: write the path in full",
  )
  expect(await saidOf("nowhere.mp4")).toEndWith("/nowhere.mp4 does not exist")
})

test("an output root behind a file is said to be that", async () => {
  const file = join(runFolder(), "film.mp4")
  writeFileSync(file, "")
  const { message } = await Effect.runPromise(Effect.flip(requireOutputRoot(join(file, "out"))))
  expect(message).toBe(`${join(file, "out")} cannot be looked into: a part of this path is a file`)
})
