import { expect, test } from "bun:test"
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Either } from "effect"
import type { DatasetStore } from "../../src/dataset/DatasetStore.ts"
import type { Outcome } from "../../src/dataset/run-summary.ts"
import { jsonText, promptDigest } from "../../src/dataset/store.ts"
import type { VisionModel } from "../../src/model/VisionModel.ts"
import { sha256 } from "../../src/plan/fingerprint.ts"
import { adoptAnswer, adoptableAnswer } from "../../src/stages/adopted.ts"
import { foreseenAnswer } from "../../src/stages/foreseen.ts"
import type { StageCall } from "../../src/stages/question.ts"
import type { VideoRun } from "../../src/stages/run.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { quickSettings } from "../support/run-pipeline.ts"
import { goalCall, goalCheck, goalFiles } from "../support/stage-call.ts"
import { withVideoRun } from "../support/video-run.ts"

const { artefact, files } = goalFiles

/** A run that takes over what the original implementation has left: an answer of this text, its prompts and its reply. */
const withOriginal = async <A, E>(
  text: string,
  use: (run: VideoRun, dir: string) => Effect.Effect<A, E, DatasetStore | VisionModel>,
) => {
  const video = await makeVideo({ dir: runFolder(), name: "video.mp4", frames: 8 })
  const root = runFolder()
  return withVideoRun(video, quickSettings(root), (run) => {
    const dir = join(root, run.folder.stage1)
    mkdirSync(dir, { recursive: true })
    for (const [name, content] of [
      [artefact, text],
      [files.systemPrompt, "system"],
      [files.userPrompt, "user"],
      [files.rawResponse, "reply"],
    ] as const)
      writeFileSync(join(dir, name), content)
    return use({ ...run, isAdopted: true }, dir)
  })
}

const done: Outcome = { status: "completed", attempts: 1, calls: [], warnings: [], wall_time_sec: 0 }

test("an answer of the original implementation is taken over only where nothing speaks against it", async () => {
  await withOriginal('{"goal": "Pour"}', (run, dir) =>
    Effect.gen(function* () {
      const call = goalCall(run, [])
      const found = (changes: Partial<VideoRun>, asked: Partial<StageCall<object>> = {}) =>
        adoptableAnswer({ ...run, ...changes }, { ...call, ...asked })
      expect(yield* found({})).toEqual({ goal: "Pour" })
      const settings = { ...run.settings, overwrite: true }
      expect(yield* foreseenAnswer(run, call)).toEqual(
        Either.right({ value: { goal: "Pour" }, isAdopted: true }),
      )
      for (const [why, changes, asked] of [
        ["the run takes nothing over", { isAdopted: false }, {}],
        ["what it follows from is not the original's", {}, { mayAdopt: false }],
        ["there is one on record", {}, { previous: done }],
        ["it is made again", { settings }, {}],
        ["it breaks a rule", {}, { check: () => goalCheck({}) }],
      ] as const)
        expect([why, yield* found(changes, asked)]).toEqual([why, undefined])
      for (const name of [artefact, files.systemPrompt, files.userPrompt, files.rawResponse]) {
        const kept = readFileSync(join(dir, name))
        rmSync(join(dir, name))
        expect([`${name} is missing`, yield* found({})]).toEqual([`${name} is missing`, undefined])
        writeFileSync(join(dir, name), kept)
      }
    }),
  )
})

test.each([
  ["in the common form stays to the byte", '{"goal":  "Pour"}', '{"goal":  "Pour"}'],
  ["in another form is put in the common one", '{"goal": " Pour"}', jsonText({ goal: "Pour" })],
])(
  "an answer that is taken over %s, and is noted with its own prompts and reply",
  async (_what, text, kept) => {
    const noted: Array<Outcome> = []
    const { value } = await withOriginal(text, (run, dir) =>
      Effect.map(adoptAnswer(run, goalCall(run, noted)), (answer) => ({
        answer,
        file: readFileSync(join(dir, artefact), "utf8"),
      })),
    )
    expect(value).toEqual({ answer: { goal: "Pour" }, file: kept })
    expect(noted).toEqual([
      {
        ...done,
        adopted: true,
        attempts: 0,
        inputs: "inputs",
        prompts_sha256: promptDigest("system", "user"),
        raw_response_sha256: sha256("reply"),
        warnings: ["the answer is the original implementation's"],
      },
    ])
  },
)

test("an answer that breaks a rule is not taken over, and that is told", async () => {
  const noted: Array<Outcome> = []
  const { notices, value } = await withOriginal("{}", (run) => adoptAnswer(run, goalCall(run, noted)))
  expect([value, noted]).toEqual([undefined, []])
  expect(notices).toEqual([
    "the draft plan of the original implementation does not pass the checks ($.goal: is missing)",
  ])
})
