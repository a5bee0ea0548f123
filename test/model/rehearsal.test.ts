import { expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Either } from "effect"
import { layer } from "../../src/model/rehearsal.ts"
import { type ModelRequest, type ModelTask, VisionModel } from "../../src/model/VisionModel.ts"
import { checkDraft } from "../../src/plan/draft.ts"
import { checkRefined } from "../../src/plan/refined.ts"
import { annotationSchemas } from "../../src/plan/schemas.ts"
import { rehearsalNote } from "../../src/plan/specimen.ts"
import { draftTask } from "../../src/stages/draft.ts"
import { localizationTask } from "../../src/stages/localize.ts"
import { stepTask } from "../../src/stages/step-inquiry.ts"
import { runFolder } from "../support/folders.ts"

const annotation = annotationSchemas.structured

/** "Pictures" of one grey value each, one byte of one file; the rehearsal sees that byte. */
const askAbout = async (greys: ReadonlyArray<number>, task: ModelTask) => {
  const path = join(runFolder(), "pictures")
  writeFileSync(path, Uint8Array.from(greys))
  const request: ModelRequest = {
    videoId: "cup",
    task,
    system: "",
    prompt: "",
    images: greys.map((_, offset) => ({ path, offset, bytes: 1, sha256: "", width: 1, height: 1 })),
    turns: [],
    attempt: 1,
  }
  const model = layer((bytes) =>
    bytes.length === 1
      ? Effect.succeed([bytes])
      : Effect.fail({ message: `${bytes.length} bytes are no picture` }),
  )
  const asked = Effect.flatMap(VisionModel, (service) => service.complete(request))
  return Effect.runPromise(Effect.either(Effect.provide(asked, model)))
}

const answerTo = async (greys: ReadonlyArray<number>, task: ModelTask) => {
  const reply = await askAbout(greys, task)
  if (Either.isLeft(reply)) throw reply.left
  return JSON.parse(reply.right.text)
}

/** Twenty pictures that all change a little, and much into the 6th, 11th and 16th. */
const greys = Array.from({ length: 20 }, (_, i) => 60 * Math.floor(i / 5) + i)

test("a draft has as many steps as changes stand out, numbered, and says that it is a rehearsal", async () => {
  const draft = await answerTo(greys, draftTask(annotation))
  expect(draft.high_level_goal).toBe(rehearsalNote)
  expect(
    draft.steps.map((step: { step_id: number; step_goal: string }) => [step.step_id, step.step_goal]),
  ).toEqual([
    [1, "Rehearsal segment 1"],
    [2, "Rehearsal segment 2"],
    [3, "Rehearsal segment 3"],
    [4, "Rehearsal segment 4"],
  ])
  expect(checkDraft(annotation, draft).ok).toBe(true)
})

test("steps are cut where the pictures change, each from where the one before ends, to the end", async () => {
  const boundarySeconds = Array.from({ length: 21 }, (_, i) => i / 2)
  expect(await answerTo(greys, localizationTask({ stepIds: [1, 2, 3, 4], boundarySeconds }))).toEqual({
    steps: [
      { step_id: 1, start_frame_index: 1, end_frame_index: 6 },
      { step_id: 2, start_frame_index: 6, end_frame_index: 11 },
      { step_id: 3, start_frame_index: 11, end_frame_index: 16 },
      { step_id: 4, start_frame_index: 16, end_frame_index: 21 },
    ],
  })
})

test("a refined step keeps its draft, with keyframes around the motion", async () => {
  const { steps } = await answerTo(greys, draftTask(annotation))
  const timestamps = Array.from({ length: 10 }, (_, i) => i / 2)
  const moving = [0, 0, 0, 0, 50, 100, 150, 150, 150, 150]
  const step = await answerTo(moving, stepTask(annotation, steps[0], timestamps))
  expect(step.critical_frames.map((frame: { frame_index: number }) => frame.frame_index)).toEqual([4, 7])
  expect(checkRefined(annotation, steps[0], timestamps, step).ok).toBe(true)
})

test("a picture that cannot be read ends the call, by its own reason", async () => {
  const reply = await askAbout([1, 2], draftTask(annotation))
  expect(Either.isRight(reply) && reply.right).toMatchObject({
    model: "rehearsal",
    truncated: false,
    costUsd: null,
  })
  const request = {
    videoId: "",
    task: draftTask(annotation),
    system: "",
    prompt: "",
    turns: [],
    attempt: 1,
  } as const
  const images = [{ path: "/nowhere.jpg", bytes: 1, sha256: "", width: 1, height: 1 }]
  const asked = Effect.flatMap(VisionModel, (service) => service.complete({ ...request, images }))
  const model = layer(() => Effect.fail({ message: "no picture" }))
  const failed = await Effect.runPromise(Effect.either(Effect.provide(asked, model)))
  expect(Either.isLeft(failed) && failed.left).toMatchObject({
    reason: "ImageUnreadable",
    message: "the picture /nowhere.jpg cannot be read",
  })
})
