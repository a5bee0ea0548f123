import { expect, test } from "bun:test"
import { idProblem } from "../../src/output-root/video-id.ts"

test.each([
  ["", "which is no name for a folder"],
  [".", "which is no name for a folder"],
  ["..", "which is no name for a folder"],
  [".cam", "which is hidden"],
  ["Events.jsonl", "which is a file of the output root itself"],
])("%p can be no folder of an output root, and the reason is told", (id, reason) => {
  expect(idProblem(id)).toStartWith(reason)
})
