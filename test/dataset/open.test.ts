import { expect, test } from "bun:test"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { videoFolders, videoIds } from "../../src/dataset/open.ts"
import { runFolder } from "../support/folders.ts"
import { runIn } from "../support/in-root.ts"

test("the videos of an output root are its folders with a summary, but for hidden ones", async () => {
  const root = runFolder()
  for (const name of ["cup", "jug", ".locks", ".hidden", "notes"]) mkdirSync(join(root, name))
  for (const name of ["cup", "jug", ".hidden"]) writeFileSync(join(root, name, "run_summary.json"), "{}")
  writeFileSync(join(root, "events.jsonl"), "")
  expect(await runIn(root, videoIds())).toEqual(["cup", "jug"])
  expect(await Effect.runPromise(videoFolders(root))).toEqual([join(root, "cup"), join(root, "jug")])
  // A path may be that of one video.
  expect(await Effect.runPromise(videoFolders(join(root, "cup")))).toEqual([join(root, "cup")])
  expect(await Effect.runPromise(videoFolders(join(root, "notes")))).toEqual([])
})
