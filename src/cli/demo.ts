import { stat } from "node:fs/promises"
import { join } from "node:path"
import { Command } from "@effect/cli"
import { Console, Effect, Layer } from "effect"
import { defaultSettings, type RunSettings } from "../config.ts"
import { writeLocalFile } from "../dataset/local-store.ts"
import { openVideo } from "../dataset/open.ts"
import { errorsAmong, validateFolder } from "../dataset/validate.ts"
import { cardSvg } from "../demo/card.ts"
import { scene } from "../demo/scene.ts"
import { type RunEvent, RunEvents } from "../events.ts"
import * as Layers from "../layers.ts"
import { Pipeline } from "../pipeline.ts"
import { predictionOf } from "../quality/pairing.ts"
import { scoreVideos } from "../quality/score.ts"
import { demoStep, demoStepLines } from "./demo-step.ts"
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
const runDemo = Effect.fn("Demo.run")(function* (file: string, settings: RunSettings, verbose: boolean) {
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
  const distance = error === null ? "" : `, median boundary error ${error.toFixed(2)} s`
  return `${predicted.segments.length} steps against ${gold.length} that were drawn: segment F1 ${f1.toFixed(2)} at IoU 0.5${distance}`
})

/** The step that is shown. */
const shownStep = 4

/**
 * `demo`: draws a short manipulation video, runs the whole pipeline on it with answers that were written by hand, checks the
 * result, and shows what an annotation is.
 */
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
      yield* Console.log("2. Running the three stages. No model is asked: the answers were written by hand")
      const services = Layer.provide(Layers.pipeline, Layer.merge(video, Layers.writtenDemo))
      const settings = { ...defaultSettings, outputRoot: join(root, "dataset") }
      const { folder } = yield* runDemo(videoFile, settings, given.verbose).pipe(Effect.provide(services))
      const findings = errorsAmong(yield* validateFolder(folder))
      for (const { file, message } of findings) yield* Console.error(`error: ${file}: ${message}`)
      yield* Console.log(
        findings.length === 0 ? "3. The dataset folder is valid" : "3. The dataset folder is NOT valid",
      )
      yield* Console.log(`4. ${yield* againstTruth(folder)}`)
      const step = yield* demoStep(folder, shownStep)
      const picture = join(root, `step_${shownStep}.svg`)
      yield* writeLocalFile(picture, cardSvg(step))
      yield* Console.log(`5. What an annotation is
${demoStepLines(step).join("\n")}

Look at
  ${picture}  this step as a picture, for a browser
  ${join(folder, "causal_plan_with_keyframes.json")}  the plan with its keyframes
  ${join(folder, "stage1", "sampled_frames")}  what a model would see
  ${join(folder, "stage2", "step_clips")}  a clip for each step
  ${join(folder, "run_summary.json")}  what was done, with what

Next
  bun run pipeline --input-video YOUR_VIDEO.mp4 --rehearsal   your own video, still without a model
  bun run pipeline --input-video YOUR_VIDEO.mp4 --api-base URL --model NAME   with a model; give its key as API_KEY
  docs/guides/first-run.md tells what you find, docs/guides/real-run.md how to connect a model`)
      yield* report(findings.length === 0 ? exitCode.done : exitCode.failed)
    }),
  )
