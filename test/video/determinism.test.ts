import { expect, setDefaultTimeout, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { defaultSettings } from "../../src/config.ts"
import * as Layers from "../../src/layers.ts"
import { sha256 } from "../../src/plan/fingerprint.ts"
import { ClipCutter } from "../../src/video/ClipCutter.ts"
import { VideoDecoder } from "../../src/video/VideoDecoder.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"

setDefaultTimeout(60_000)

test("the same clip has the same bytes, however often it is cut", async () => {
  const folder = runFolder()
  const file = await makeVideo({ dir: folder, frames: 42, firstNumber: 200 })
  const program = Effect.gen(function* () {
    const source = yield* (yield* VideoDecoder).probe(file)
    const cutter = yield* ClipCutter
    const [startPts = 0] = source.framePts
    const endPts = source.framePts[8] ?? source.endPts
    return yield* Effect.forEach(
      Array.from({ length: 60 }),
      (_, i) => {
        const output = join(folder, `clip ${i}.mp4`)
        const cut = cutter.cut({ ...defaultSettings.cut, source, startPts, endPts, output })
        return Effect.map(cut, () => sha256(readFileSync(output)))
      },
      { concurrency: 2 },
    )
  })
  const digests = await Effect.runPromise(Effect.provide(program, Layers.video()))
  expect(new Set(digests).size).toBe(1)
})
