import { expect, setDefaultTimeout, test } from "bun:test"
import { readFile } from "node:fs/promises"
import { cutFrames } from "../contract/cut-frames.ts"
import { makeVideo } from "../support/media.ts"
import { run } from "./video-layers.ts"

setDefaultTimeout(60_000)

test("re-encoded clips keep layout, rotation and pixel aspect", async () => {
  const turned = await run(cutFrames(await makeVideo({ rotation: 270, aspect: [4, 3] }), 5, 9))
  expect([turned.clip.rotationDegrees, turned.clip.displayWidth, turned.clip.displayHeight]).toEqual([
    270, 120, 213,
  ])
  const odd = await run(
    cutFrames(await makeVideo({ width: 161, height: 121, codec: "ffv1", name: "odd.mkv" }), 5, 9),
  )
  expect([odd.clip.codedWidth, odd.clip.codedHeight]).toEqual([160, 120])
  const full = await run(
    cutFrames(await makeVideo({ width: 161, height: 121, pixelFormat: "yuv444p" }), 5, 9),
  )
  expect([full.clip.codedWidth, full.clip.codedHeight]).toEqual([161, 121])
})

test("clips start with the index: the file can be played while it loads", async () => {
  const { output } = await run(cutFrames(await makeVideo({}), 3, 30))
  const bytes = await readFile(output)
  expect(bytes.indexOf("moov", 0, "latin1")).toBeLessThan(bytes.indexOf("mdat", 0, "latin1"))
})
