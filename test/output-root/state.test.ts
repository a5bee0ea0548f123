import { expect, test } from "bun:test"
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { readInputs, writeInputs } from "../../src/output-root/state.ts"
import { temporaryFolder } from "../support/folders.ts"
import { runIn } from "../support/in-root.ts"

test("notes that a crash left half-written are removed once nobody can be writing them", async () => {
  await using root = await temporaryFolder()
  const notes = join(root.path, ".batch")
  mkdirSync(join(notes, "failed"), { recursive: true })
  const longAgo = Date.now() / 1000 - 3600
  for (const name of [".tmp-0123456789ab", "failed/.tmp-0123456789ab", "kept.txt"]) {
    writeFileSync(join(notes, name), "{")
    utimesSync(join(notes, name), longAgo, longAgo)
  }
  writeFileSync(join(notes, ".tmp-ba9876543210"), "{")
  const inputs = [{ video_id: "a b", source_video: "/videos/a\nb.mp4" }]
  await runIn(root.path, writeInputs(inputs))
  expect(readdirSync(notes).toSorted()).toEqual([".tmp-ba9876543210", "failed", "kept.txt", "videos.jsonl"])
  expect(readdirSync(join(notes, "failed"))).toEqual([])
  expect(await runIn(root.path, readInputs)).toEqual(inputs)
})
