import { Effect, Layer } from "effect"
import type { RunSettings } from "../../src/config.ts"
import { type DatasetStore, inOutputRoot } from "../../src/dataset/DatasetStore.ts"
import { openSummary, summaryKey } from "../../src/dataset/summary.ts"
import type { VideoEvent } from "../../src/events.ts"
import * as Layers from "../../src/layers.ts"
import type { VisionModel } from "../../src/model/VisionModel.ts"
import { lookInto } from "../../src/pipeline.ts"
import type { VideoRun } from "../../src/stages/run.ts"
import type { ClipCutter } from "../../src/video/ClipCutter.ts"
import type { VideoDecoder } from "../../src/video/VideoDecoder.ts"

/**
 * Does something with a video's run, opened as a rehearsal opens it, so that parts of a stage can be tried alone.
 *
 * @returns what it gives, and the notices that were told meanwhile
 */
export const withVideoRun = async <A, E>(
  video: string,
  settings: RunSettings,
  use: (run: VideoRun) => Effect.Effect<A, E, ClipCutter | DatasetStore | VideoDecoder | VisionModel>,
) => {
  const events: Array<VideoEvent> = []
  const publish = (event: VideoEvent) => Effect.sync(() => void events.push(event))
  const value = await Effect.gen(function* () {
    const { facts, header, existing } = yield* lookInto(video, settings)
    const summary = yield* openSummary(summaryKey(facts.folder.videoId), header, existing, {})
    return yield* use({ ...facts, summary, publish })
  }).pipe(
    inOutputRoot(settings.outputRoot),
    Effect.provide(Layer.mergeAll(Layers.video(), Layers.rehearsal, Layers.localRoots)),
    Effect.runPromise,
  )
  return { value, notices: events.flatMap((event) => (event.type === "Notice" ? [event.message] : [])) }
}
