import { basename, dirname, join } from "node:path"
import { Effect } from "effect"
import { defaultSettings } from "../config.ts"
import { localStore } from "../dataset/local-store.ts"
import { scratchFolder, unwritableScratch } from "../dataset/scratch.ts"
import { writeScene } from "../demo/y4m.ts"
import { ClipCutter } from "../video/ClipCutter.ts"
import { VideoDecoder } from "../video/VideoDecoder.ts"

/** Draws the scene, or each so many frames of it, and encodes it: uncompressed first, then the cutter over its whole length. */
export const makeDemoVideo = Effect.fn("Demo.makeVideo")(function* (path: string, every = 1) {
  const folder = yield* scratchFolder
  const raw = join(folder, "scene.y4m")
  yield* Effect.tryPromise({ try: () => writeScene(raw, every), catch: unwritableScratch(raw) })
  const source = yield* (yield* VideoDecoder).probe(raw)
  const cutter = yield* ClipCutter
  const [startPts = 0] = source.framePts
  yield* localStore(dirname(path)).publish(basename(path), (output) =>
    cutter.cut({ ...defaultSettings.cut, source, startPts, endPts: source.endPts, output }),
  )
}, Effect.scoped)
