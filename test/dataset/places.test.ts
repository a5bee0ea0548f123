import { expect, test } from "bun:test"
import { mkdirSync, readdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { Effect } from "effect"
import { entriesOf, inspectFolder, sweepPlaces } from "../../src/dataset/places.ts"
import { runFolder } from "../support/folders.ts"
import { runIn } from "../support/in-root.ts"
import { filesBelow } from "../support/run-cli.ts"

const clip = "stage2/step_clips/step01_lift.mp4"

const folderWith = (...files: ReadonlyArray<string>): string => {
  const root = runFolder()
  for (const file of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), "x")
  }
  return root
}

const pathsIn = async (root: string) => (await runIn(root, entriesOf(""))).map(({ path }) => path).toSorted()

test("the folders that runs make are looked into, others, links and files of such names are not", async () => {
  const root = folderWith(clip, "stage1/x.txt", "01_lift/x.txt", "notes/x.txt", "02_pour")
  symlinkSync("notes", join(root, "03_wipe"))
  expect(await pathsIn(root)).toEqual([
    "01_lift",
    "01_lift/x.txt",
    "02_pour",
    "03_wipe",
    "notes",
    "stage1",
    "stage1/x.txt",
    "stage2",
    "stage2/step_clips",
    clip,
  ])
})

test("what a crash has left goes from the folders that runs make, and from no other", async () => {
  const name = ".tmp-0123456789ab"
  const places = ["", "stage1/", "stage1/sampled_frames/", "stage2/", "stage2/step_clips/", "01_lift/"]
  const root = folderWith(...places.map((place) => `${place}${name}`), `notes/${name}`, clip)
  await runIn(
    root,
    Effect.flatMap(entriesOf(""), (entries) => sweepPlaces("", entries)),
  )
  expect(filesBelow(root).toSorted()).toEqual([`notes/${name}`, clip])
  expect(readdirSync(root).toSorted()).toEqual(["01_lift", "notes", "stage1", "stage2"])
})

test.each([
  ["stage1/sampled_frames/sample_001_ts_0.00s.jpg", 256 << 20],
  ["01_lift/frame_001_ts_0.00s.jpg", 256 << 20],
  ["stage1/draft_plan.json", 64 << 20],
])("%s may have %d bytes, and not one more", async (file, limit) => {
  const root = folderWith(file)
  truncateSync(join(root, file), limit)
  expect(await runIn(root, inspectFolder(""))).not.toBeEmpty()
  truncateSync(join(root, file), limit + 1)
  expect(await runIn(root, Effect.flip(inspectFolder("")))).toMatchObject({
    reason: "NotPlain",
    path: join(root, file),
    message: expect.stringContaining(`is larger than the ${limit >> 20} MiB`),
  })
})

test("a clip may be larger than any other file", async () => {
  const root = folderWith(clip)
  truncateSync(join(root, clip), 1 << 30)
  expect(await runIn(root, inspectFolder(""))).not.toBeEmpty()
})
