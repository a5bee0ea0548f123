// Prints the steps of a finished video, with their times and keyframes:
//
//   bun examples/read-dataset.ts dataset/cooking
import { Effect } from "effect"
import { openVideo } from "triptych"

const [folder = "dataset/cooking"] = process.argv.slice(2)

const program = Effect.gen(function* () {
  // Checks every file against its schema; fails with a `DatasetError` that names what is missing or wrong.
  const video = yield* openVideo(folder)
  yield* Effect.sync(() => console.log(`${video.videoId}: ${video.highLevelGoal}`))
  for (const { stepId, stepGoal, startSec, endSec, clipPath, keyframes } of video.steps) {
    const pictures = keyframes.map(
      ({ imagePath, timestampSec }) => `${timestampSec.toFixed(2)} s ${imagePath}`,
    )
    yield* Effect.sync(() =>
      console.log(
        [
          `${stepId}. ${stepGoal}, ${startSec.toFixed(2)} to ${endSec.toFixed(2)} s, ${clipPath}`,
          ...pictures.map((picture) => `   ${picture}`),
        ].join("\n"),
      ),
    )
  }
})

await Effect.runPromise(program)
