import { stat } from "node:fs/promises"
import { join } from "node:path"
import { Command } from "@effect/cli"
import { Console, Effect, Layer } from "effect"
import { defaultSettings, type RunSettings } from "../config.ts"
import { openVideo } from "../dataset/open.ts"
import { errorsAmong, validateFolder } from "../dataset/validate.ts"
import { scene } from "../demo/scene.ts"
import { type RunEvent, RunEvents } from "../events.ts"
import * as Layers from "../layers.ts"
import { Pipeline } from "../pipeline.ts"
import { predictionOf } from "../quality/pairing.ts"
import { scoreVideos } from "../quality/score.ts"
import { makeDemoVideo } from "./demo-video.ts"
import * as flags from "./flags/commands.ts"
import { requireOutputRoot } from "./folders.ts"
import { stderr } from "./output.ts"
import { display } from "./progress.ts"
import { exitCode } from "./usage.ts"

const exists = (path: string) =>
  Effect.promise(() =>
    stat(path).then(
      () => true,
      () => false,
    ),
  )

/** Runs one video and shows how it goes. */
const rehearse = Effect.fn("Demo.rehearse")(function* (
  file: string,
  settings: RunSettings,
  verbose: boolean,
) {
  const { runVideo } = yield* Pipeline
  const { show } = yield* display(stderr, { verbose })
  const events = { publish: (event: RunEvent) => Effect.sync(() => show(event)) }
  return yield* Effect.provideService(runVideo(file, settings), RunEvents, events)
}, Effect.scoped)

/** How far the steps of a finished video are those that were drawn, in a sentence. */
const againstTruth = Effect.fn("Demo.score")(function* (folder: string) {
  const predicted = predictionOf(yield* openVideo(folder))
  const gold = scene.steps.map(({ goal }, i) => ({
    startSec: scene.boundaries[i] ?? 0,
    endSec: scene.boundaries[i + 1] ?? scene.durationSec,
    label: goal,
  }))
  const { segments, boundaries } = scoreVideos([{ ...predicted, gold, predicted: predicted.segments }])
  const f1 = segments.find(({ at }) => at === 0.5)?.f1 ?? 0
  const error = boundaries.medianErrorSec
  const borders = error === null ? "" : `, median border error ${error.toFixed(2)} s`
  return `${predicted.segments.length} steps against ${gold.length} that were drawn: segment F1 ${f1.toFixed(2)} at IoU 0.5${borders}`
})

/** `demo`: draws a short manipulation video, runs the whole pipeline on it in rehearsal, and checks the result. */
export const demoCommand = (report: (code: number) => Effect.Effect<void>) =>
  Command.make("demo", flags.demo, (given) =>
    Effect.gen(function* () {
      const { path: root } = yield* requireOutputRoot(given.outputRoot)
      const videoFile = join(root, "robot_table.mp4")
      const video = Layers.video()
      if (yield* exists(videoFile)) yield* Console.log(`1. Using the demo video  ${videoFile}`)
      else {
        yield* Console.log(`1. Drawing a demo video  ${videoFile}`)
        yield* Effect.provide(makeDemoVideo(videoFile), video)
      }
      yield* Console.log("2. Running the three stages in rehearsal (no model is asked)")
      const services = Layer.provide(Layers.pipeline, Layer.merge(video, Layers.rehearsal))
      const settings = { ...defaultSettings, outputRoot: join(root, "dataset") }
      const result = yield* rehearse(videoFile, settings, given.verbose).pipe(Effect.provide(services))
      const findings = errorsAmong(yield* validateFolder(result.folder))
      for (const { file, message } of findings) yield* Console.error(`error: ${file}: ${message}`)
      yield* Console.log(
        findings.length === 0 ? "3. The dataset folder is valid" : "3. The dataset folder is NOT valid",
      )
      // A rehearsal spreads steps evenly over a video that it does not look at.
      yield* Console.log(`4. ${yield* againstTruth(result.folder)} (made without looking)`)
      yield* Console.log(`
Look at
  ${join(result.folder, "causal_plan_with_keyframes.json")}  the plan with its keyframes
  ${join(result.folder, "stage1", "sampled_frames")}  what a model would see
  ${join(result.folder, "stage2", "step_clips")}  a clip for each step
  ${join(result.folder, "run_summary.json")}  what was done, with what
The texts are placeholders of a rehearsal. For real ones, ask a model: bun run pipeline --help`)
      yield* report(findings.length === 0 ? exitCode.done : exitCode.failed)
    }),
  )
