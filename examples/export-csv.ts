// Prints the steps of all finished videos of an output root as CSV, a row for each:
//
//   bun examples/export-csv.ts dataset > steps.csv
import { Effect, Either } from "effect"
import { type FinishedStep, type FinishedVideo, openVideo, videoFolders } from "triptych"

const [path = "dataset"] = process.argv.slice(2)

type Column = readonly [name: string, value: (video: FinishedVideo, step: FinishedStep) => string | number]

const columns: ReadonlyArray<Column> = [
  ["video_id", ({ videoId }) => videoId],
  ["step_id", (_, { stepId }) => stepId],
  ["step_goal", (_, { stepGoal }) => stepGoal],
  // Seconds on the timeline of the source video.
  ["start_sec", (_, { startSec }) => startSec],
  ["end_sec", (_, { endSec }) => endSec],
  ["agent", (_, { annotation }) => annotation.causal_chain.agent],
  ["action", (_, { annotation }) => annotation.causal_chain.action],
  ["patient", (_, { annotation }) => annotation.causal_chain.patient],
  ["keyframe_secs", (_, { keyframes }) => keyframes.map(({ timestampSec }) => timestampSec).join(" ")],
  ["clip", ({ videoId }, { clipPath }) => `${videoId}/${clipPath}`],
  ["clip_frames", (_, { segment }) => segment.clip_frames],
  ["model", ({ provenance }) => provenance.model],
  ["is_rehearsal", ({ provenance }) => String(provenance.isRehearsal)],
  ["source_fingerprint", ({ provenance }) => provenance.sourceFingerprint],
]

/** A cell as RFC 4180 has it: quoted where it holds a quote, a comma or a line break. */
const cell = (value: string | number): string => {
  const text = String(value)
  return /[",\r\n]/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const row = (cells: ReadonlyArray<string | number>) =>
  Effect.sync(() => process.stdout.write(`${cells.map(cell).join(",")}\r\n`))

const program = Effect.gen(function* () {
  yield* row(columns.map(([name]) => name))
  for (const folder of yield* videoFolders(path)) {
    const opened = yield* Effect.either(openVideo(folder))
    if (Either.isLeft(opened)) yield* Effect.sync(() => console.error(`left out: ${opened.left.message}`))
    else
      for (const step of opened.right.steps) yield* row(columns.map(([, value]) => value(opened.right, step)))
  }
})

await Effect.runPromise(program)
