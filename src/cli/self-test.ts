import { readFile, truncate, unlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { defaultSettings, type RunSettings } from "../config.ts"
import { unwritable } from "../dataset/DatasetError.ts"
import { layout } from "../dataset/layout.ts"
import { scratchFolder } from "../dataset/scratch.ts"
import { errorsAmong, validateFolder } from "../dataset/validate.ts"
import * as Layers from "../layers.ts"
import { Pipeline } from "../pipeline.ts"
import type { Check } from "../preflight.ts"
import { makeDemoVideo } from "./demo-video.ts"

/** Something done to a sound folder that its validation has to notice, and the file it has to name. */
interface Damage {
  readonly what: string
  readonly file: string
  readonly apply: (path: string) => Promise<void>
}

const { draft } = layout.stage1

/** One after the other: what comes early hides nothing of what comes later. */
const damages: ReadonlyArray<Damage> = [
  { what: "a missing final plan", file: layout.finalPlan, apply: (path) => unlink(path) },
  {
    what: "a truncated record",
    file: `${layout.stage2.dir}/${layout.stage2.segments}`,
    apply: (path) => truncate(path, 10),
  },
  {
    what: "a goal that refers to a frame",
    file: `${layout.stage1.dir}/${draft}`,
    apply: async (path) => {
      const text = await readFile(path, "utf8")
      await writeFile(path, text.replace(/"step_goal": "/u, '"step_goal": "Frame 3: '))
    },
  },
]

/** A tenth of the demo's frames: enough for every step to have several. */
const everyFrames = 10

const settings: RunSettings = { ...defaultSettings, maxFrames: 8 }

const checkOf = (what: string, problem: string | undefined): Check => ({ what, problem })

/**
 * Validates a folder made on the spot, in rehearsal and without a network, then damages it bit by bit: a sound folder has to
 * pass, and every damage has to be found. Nothing is left.
 */
export const selfTest = Effect.fn("Cli.selfTest")(function* () {
  const folder = yield* scratchFolder
  const video = Layers.video()
  const file = join(folder, "self_test.mp4")
  yield* Effect.provide(makeDemoVideo(file, everyFrames), video)
  const services = Layer.provide(Layers.pipeline, Layer.merge(video, Layers.rehearsal))
  const made = yield* Effect.flatMap(Pipeline, ({ runVideo }) =>
    runVideo(file, { ...settings, outputRoot: join(folder, "dataset") }),
  ).pipe(Effect.provide(services))
  const sound = errorsAmong(yield* validateFolder(made.folder))
  const checks = [
    checkOf(
      "self-test: a sound folder is valid",
      sound[0] === undefined ? undefined : `${sound[0].file}: ${sound[0].message}`,
    ),
  ]
  for (const { what, file: damaged, apply } of damages) {
    const path = join(made.folder, damaged)
    yield* Effect.tryPromise({ try: () => apply(path), catch: unwritable(path) })
    const found = errorsAmong(yield* validateFolder(made.folder)).some((finding) => finding.file === damaged)
    checks.push(checkOf(`self-test: ${what} is found`, found ? undefined : `${damaged} passes as valid`))
  }
  return checks
}, Effect.scoped)
