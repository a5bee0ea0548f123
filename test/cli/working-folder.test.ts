import { expect, test } from "bun:test"
import { join } from "node:path"
import { temporaryFolder } from "../support/folders.ts"
import { runShell } from "../support/run-shell.ts"

test.each([
  ["a relative path", ["pipeline", "--input-video", "a.mp4", "--rehearsal"]],
  [
    "absolute paths",
    ["pipeline", "--input-video", "/a.mp4", "--output-root", "/nonexistent/a", "--rehearsal"],
  ],
  ["status", ["status", "--output-root", "dataset"]],
  ["validate", ["validate", "dataset"]],
])("a command with %s in a folder that has been removed is refused by that", async (_what, args) => {
  await using folder = await temporaryFolder()
  const gone = join(folder.path, "gone")
  const { code, stdout, stderr } = await runShell(
    args,
    "",
    "",
    `mkdir ${gone} && cd ${gone} && rmdir ${gone} &&`,
  )
  expect(code).toBe(2)
  expect(stdout).toBe("")
  expect(stderr).toBe(
    "error: the folder that this command was started in is not there any more, or cannot be entered; change to another one, and run the command again\n",
  )
})
